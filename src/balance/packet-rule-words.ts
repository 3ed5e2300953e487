/** Packet rules in words, one line a rule: what `vipward plan` prints and the log says. */
import { type MarkMatch, rangeText } from '../model/config.ts';
import type { PacketRules, SourceNatRule } from '../model/packet-rules.ts';
import { endpoint } from '../model/virtual-server.ts';

export const packetRuleTexts = ({ marks, sourceNats }: PacketRules): readonly string[] => [
  ...marks.map((rule) => `mark ${rule.mark} for ${matchText(rule)}`),
  ...sourceNats.flatMap(sourceNatTexts),
];

function sourceNatTexts(rule: SourceNatRule): readonly string[] {
  const known = TEXTS.get(rule);
  if (known !== undefined) return known;
  const source = rule.to === 'auto' ? "this director's own address" : rule.to;
  const start = `source NAT to ${source} for ${matchText(rule.virtual)} at `;
  const texts = rule.realServers.map(
    ({ address, port }) => start + (port === undefined ? address : endpoint(address, port)),
  );
  TEXTS.set(rule, texts);
  return texts;
}

/** Tens of thousands are compared again and again while real servers leave the table. */
const TEXTS = new WeakMap<SourceNatRule, readonly string[]>();

const matchText = ({ address, protocol, ports }: MarkMatch): string =>
  `${protocol} ${address} ${ports.length === 0 ? 'on every port' : `port ${ports.map(rangeText).join(', ')}`}`;

/** What `after` in the place of `before` changes, in words. */
export function packetRuleChanges(before: PacketRules, after: PacketRules): readonly string[] {
  const [was, is] = [packetRuleTexts(before), packetRuleTexts(after)];
  const [had, has] = [new Set(was), new Set(is)];
  return [
    ...is.filter((text) => !had.has(text)).map((text) => `add ${text}`),
    ...was.filter((text) => !has.has(text)).map((text) => `remove ${text}`),
  ];
}
