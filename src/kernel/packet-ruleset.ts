/**
 * Rules of nftables that work for IPVS, in nft(8)'s language: marks that select a virtual server, and the source NAT of
 * fullnat. They hold whatever the state of the virtual routers, since a backup gets none of these packets.
 *
 *   prerouting, output  mangle + 10   the mark; IPVS looks for it at LOCAL_IN (98, 99) and LOCAL_OUT (-98, -99)
 *   prerouting          mangle + 11   replies to an address that floats, of connections that nobody knows here yet
 *   postrouting         srcnat - 10   the source of what IPVS has masqueraded
 *
 * Source NAT takes net.ipv4.vs.conntrack = 1: then what IPVS masquerades stays in connection tracking (otherwise it is
 * marked untracked, ip_vs_nat_send_or_cont in net/netfilter/ipvs/ip_vs_xmit.c), with the virtual address as the
 * destination that the client asked for. Replies are translated back before they are routed, and reach IPVS at FORWARD
 * with the client's address, as under nat. So this host must forward, too. Like that of IPVS itself the translation
 * belongs to the connection: what changes here concerns those that begin later. After a take-over the new active
 * director makes the connections known that IPVS knows (manager/tracked-connections.ts), with the same translation.
 */
import { type Family, familyOf } from '../model/address.ts';
import type { PortRange } from '../model/config.ts';
import type { MarkRule, PacketRules, SourceNatRule } from '../model/packet-rules.ts';
import { intervalMapLines, intervalSetLines } from './nft-text.ts';

/** Pure: the table of this name (`inet vipward-ipvs`) as a whole, in the place of the one before it. */
export function packetRuleset(rules: PacketRules, table: string): string {
  if (!hasRules(rules)) return removalOf(table);
  const { marks, sourceNats, awaited = [], translated = [] } = rules;
  return [
    `${removalOf(table)}table ${table} {`,
    ...(marks.length === 0 ? [] : markLines(marks)),
    // Without any such chain the kernel translates no packets, not those of connections that it knows either.
    ...(sourceNats.length + translated.length === 0 ? [] : sourceNatLines(sourceNats)),
    ...earlyReplyLines(sourceNats, new Set(awaited)),
    '}',
    '',
  ].join('\n');
}

/** Whether there is anything to hold. */
export const hasRules = ({ marks, sourceNats, translated = [] }: PacketRules): boolean =>
  marks.length + sourceNats.length + translated.length > 0;

/** Pure. Naming the table makes it where it is not there, so that it can be deleted in any case. */
export const removalOf = (table: string): string => `table ${table}\ndelete table ${table}\n`;

interface FamilyWords {
  readonly family: Family;
  readonly suffix: '4' | '6';
  readonly header: 'ip' | 'ip6';
  readonly type: 'ipv4_addr' | 'ipv6_addr';
}

const FAMILIES: readonly FamilyWords[] = [
  { family: 'ipv4', suffix: '4', header: 'ip', type: 'ipv4_addr' },
  { family: 'ipv6', suffix: '6', header: 'ip6', type: 'ipv6_addr' },
];

function markLines(marks: readonly MarkRule[]): readonly string[] {
  const maps = FAMILIES.flatMap(({ family, suffix, type }) => {
    const own = marks.filter(({ address }) => familyOf(address) === family);
    const some = own.filter(({ ports }) => ports.length > 0);
    const every = own.filter(({ ports }) => ports.length === 0);
    return [
      ...intervalMapLines(`ports${suffix}`, `${type} . inet_proto . inet_service : mark`, portElements(some)),
      ...intervalMapLines(`protocols${suffix}`, `${type} . inet_proto : mark`, protocolElements(every)),
    ];
  });
  // A port's own mark after that of every port, which it overrides. What is in no map keeps its mark.
  const rules = FAMILIES.flatMap(({ suffix, header }) => [
    `    meta mark set ${header} daddr . meta l4proto map @protocols${suffix}`,
    `    meta mark set ${header} daddr . meta l4proto . th dport map @ports${suffix}`,
  ]);
  return [
    ...maps,
    ...chain('mark_arriving', 'type filter hook prerouting priority mangle + 10', rules),
    ...chain('mark_own', 'type route hook output priority mangle + 10', rules),
  ];
}

const protocolElements = (marks: readonly MarkRule[]): readonly string[] =>
  marks.map(({ address, protocol, mark }) => `${address} . ${protocol} : ${mark}`);

const portElements = (marks: readonly MarkRule[]): readonly string[] =>
  byKey(
    marks,
    ({ address, protocol, mark }) => `${address} ${protocol} ${mark}`,
    ({ ports }) => ports,
  ).flatMap(([{ address, protocol, mark }, ports]) =>
    ports.map((range) => `${address} . ${protocol} . ${rangeText(range)} : ${mark}`),
  );

/** A chain that has no word of it has the kernel look no packet up in connection tracking. */
const TRACKED = '    ct state established accept';

function sourceNatLines(rules: readonly SourceNatRule[]): readonly string[] {
  const sets: string[] = [];
  const statements: string[] = [];
  for (const { family, suffix, header, type } of FAMILIES) {
    const own = rules.filter(({ virtual }) => familyOf(virtual.address) === family);
    [...new Set(own.map(({ to }) => to))].forEach((to, index) => {
      const name = `masqueraded${suffix}_${index}`;
      const elements = natElements(own.filter((rule) => rule.to === to));
      sets.push(...intervalSetLines(name, `${type} . inet_proto . ${type} . inet_service`, elements));
      const target = to === 'auto' ? 'masquerade' : `snat ${header} to ${to}`;
      const key = `ct original ${header} daddr . meta l4proto . ${header} daddr . th dport`;
      statements.push(`    ${key} @${name} ${target}`);
    });
  }
  const body = statements.length === 0 ? [TRACKED] : statements;
  return [...sets, ...chain('source_nat', 'type nat hook postrouting priority srcnat - 10', body)];
}

/**
 * What real servers say to an address that floats, of connections that nobody knows here yet: it would get as far as
 * this host's own TCP, whose reset ends the connection at the real server (SCTP has its ABORT). Of UDP connection
 * tracking would take it for one that begins, in whose place the real one could not be made known.
 * Only around a take-over: a connection that is forgotten later is to be reset, or the real server says it again and
 * again for a quarter of an hour.
 */
function earlyReplyLines(
  rules: readonly SourceNatRule[],
  awaited: ReadonlySet<SourceNatRule['to']>,
): readonly string[] {
  const sets: string[] = [];
  const statements: string[] = [];
  for (const { family, suffix, header, type } of FAMILIES) {
    const own = rules.filter(
      ({ virtual: { address }, to }) => awaited.has(to) && familyOf(address) === family,
    );
    if (own.length === 0) continue;
    const name = `replies${suffix}`;
    sets.push(...intervalSetLines(name, `${type} . inet_proto . ${type} . inet_service`, replyElements(own)));
    const key = `ct state new,invalid ${header} daddr . meta l4proto . ${header} saddr . th sport @${name}`;
    statements.push(`    ${key} meta l4proto != tcp drop`, `    ${key} tcp flags & (syn | ack) != syn drop`);
  }
  if (statements.length === 0) return [];
  return [...sets, ...chain('early_replies', 'type filter hook prerouting priority mangle + 11', statements)];
}

const EVERY_PORT: readonly PortRange[] = [{ from: 0, to: 65535 }];

/** Virtual address, protocol, real server, and the port that it is asked at. */
const natElements = (rules: readonly SourceNatRule[]): readonly string[] =>
  serverElements(rules, ({ virtual }) => virtual.address);

/** The same with the address that the real server sees. */
const replyElements = (rules: readonly SourceNatRule[]): readonly string[] =>
  serverElements(rules, ({ to }) => to);

function serverElements(
  rules: readonly SourceNatRule[],
  firstOf: (rule: SourceNatRule) => string,
): readonly string[] {
  const targets = rules.flatMap((rule) =>
    rule.realServers.map(({ address, port }) => ({
      key: `${firstOf(rule)} . ${rule.virtual.protocol} . ${address}`,
      ports: portsAt(rule.virtual.ports, port),
    })),
  );
  return byKey(
    targets,
    ({ key }) => key,
    ({ ports }) => ports,
  ).flatMap(([{ key }, ports]) => ports.map((range) => `${key} . ${rangeText(range)}`));
}

function portsAt(virtual: readonly PortRange[], port: number | undefined): readonly PortRange[] {
  if (port !== undefined) return [{ from: port, to: port }];
  return virtual.length === 0 ? EVERY_PORT : virtual;
}

/** One of each key, with the ports of all of that key; ranges that overlap or touch are one, since nft takes no others. */
function byKey<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
  portsOf: (value: Value) => readonly PortRange[],
): readonly (readonly [Value, readonly PortRange[]])[] {
  const groups = new Map<string, { readonly first: Value; readonly ports: PortRange[] }>();
  for (const value of values) {
    const group = groups.get(keyOf(value)) ?? { first: value, ports: [] };
    group.ports.push(...portsOf(value));
    groups.set(keyOf(value), group);
  }
  return [...groups.values()].map(({ first, ports }) => [first, joined(ports)] as const);
}

function joined(ranges: readonly PortRange[]): readonly PortRange[] {
  const result: PortRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last === undefined || range.from > last.to + 1) result.push(range);
    else result[result.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  return result;
}

const rangeText = ({ from, to }: PortRange): string => (from === to ? `${from}` : `${from}-${to}`);

const chain = (name: string, head: string, rules: readonly string[]): readonly string[] => [
  `  chain ${name} {`,
  `    ${head}; policy accept;`,
  ...rules,
  '  }',
];
