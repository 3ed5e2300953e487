/** What the packet filter must do for the virtual servers of a configuration. */
import { familyOf, type IpAddress, isLoopback } from '../model/address.ts';
import type { ConfiguredVirtualServer, MarkMatch } from '../model/config.ts';
import type { TableKey } from '../model/ipvs-table.ts';
import type { MarkRule, NatRealServer, PacketRules, SourceNatRule } from '../model/packet-rules.ts';
import { familyOfKey } from './entry.ts';

/** Real servers, and sorry servers, behind fullnat; each of the addresses that it is reached at is of its own family. */
export function packetRulesOf(virtualServers: readonly ConfiguredVirtualServer[]): PacketRules {
  const known = KNOWN.get(virtualServers);
  if (known !== undefined) return known;
  const rules = {
    marks: virtualServers.flatMap(marksOf),
    sourceNats: virtualServers.flatMap(sourceNatsOf),
  };
  KNOWN.set(virtualServers, rules);
  return rules;
}

/** Asked for again and again; a range of ports has tens of thousands. */
const KNOWN = new WeakMap<readonly ConfiguredVirtualServer[], PacketRules>();

/**
 * The source NAT of `held` for real servers that `wanted` no longer has there, those that stay in the table: without it
 * the real servers that serve until others have been checked could not answer.
 */
export const outgoingSourceNats = (
  held: PacketRules,
  wanted: PacketRules,
  stays: (address: IpAddress) => boolean,
): readonly SourceNatRule[] => {
  const translated = new Set(wanted.sourceNats.flatMap(translatedBy));
  return held.sourceNats.flatMap((rule) => {
    const realServers = rule.realServers.filter(
      ({ address }) => stays(address) && !translated.has(translation(rule.virtual, address)),
    );
    return realServers.length === 0 ? [] : [{ ...rule, realServers }];
  });
};

/** Real servers behind `held` that `wanted` has no source NAT for, those that have connections in the table. */
export function stillTranslated(
  { sourceNats, translated = [] }: PacketRules,
  wanted: PacketRules,
  isBusy: (address: IpAddress) => boolean,
): readonly IpAddress[] {
  const before = [...translated, ...addressesOf(sourceNats)];
  if (before.length === 0) return [];
  const after = new Set(addressesOf(wanted.sourceNats));
  return [...new Set(before)].filter((address) => !after.has(address) && isBusy(address));
}

const addressesOf = (rules: readonly SourceNatRule[]): readonly IpAddress[] =>
  rules.flatMap(({ realServers }) => realServers.map(({ address }) => address));

const translatedBy = ({ virtual, realServers }: SourceNatRule): readonly string[] =>
  realServers.map(({ address }) => translation(virtual, address));

/** On whatever ports: two rules for one real server would be in each other's way. */
const translation = ({ address, protocol }: MarkMatch, realServer: IpAddress): string =>
  `${address} ${protocol} ${realServer}`;

/** The mark of each family's entry is for its addresses. */
const marksOf = ({ entries, match }: ConfiguredVirtualServer): readonly MarkRule[] =>
  entries.flatMap((key) =>
    key.kind === 'mark'
      ? match
          .filter(({ address }) => familyOf(address) === key.family)
          .map((each) => ({ ...each, mark: key.mark }))
      : [],
  );

function sourceNatsOf(virtualServer: ConfiguredVirtualServer): readonly SourceNatRule[] {
  const servers = [...virtualServer.realServers, ...virtualServer.sorryServers].filter(
    ({ forwarding, address }) => forwarding === 'fullnat' && !isLoopback(address),
  );
  return virtualServer.entries
    .flatMap((key) => matchesOf(virtualServer, key))
    .flatMap((virtual) => {
      const own = servers.filter(({ address }) => familyOf(address) === familyOf(virtual.address));
      return [...Map.groupBy(own, ({ sourceAddress }) => sourceAddress)].map(([source, group]) => ({
        virtual,
        realServers: group.map(({ address, port }): NatRealServer => ({ address, port })),
        to: source ?? 'auto',
      }));
    });
}

/** What clients of an entry ask for, as far as it is known: marks may be set by others. */
export function matchesOf({ match }: ConfiguredVirtualServer, key: TableKey): readonly MarkMatch[] {
  if (key.kind === 'mark') return match.filter(({ address }) => familyOf(address) === familyOfKey(key));
  const { address, protocol, port } = key;
  return [{ address, protocol, ports: port === 0 ? [] : [{ from: port, to: port }] }];
}
