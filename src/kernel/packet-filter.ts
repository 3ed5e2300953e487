/**
 * acceptMode false of RFC 9568: this host does not take for itself what is sent to a VIP. Rules in a table of ours,
 * which nobody else's rules are in; they hold whatever the state of the virtual router, since a backup has no VIP.
 *
 * What is balanced must pass. IPVS takes its packets at the hook LOCAL_IN with the priorities NF_IP_PRI_NAT_SRC - 2 and
 * - 1, that is 98 and 99 (ip_vs_ops in net/netfilter/ipvs/ip_vs_core.c), and what it sends to a real server never goes
 * further. So the rules stand behind it. What goes on from there to a local process, because the real server (or the
 * sorry server) is this host, must be named as a service.
 */
import { familyOf, type IpAddress } from '../model/address.ts';
import type { Protocol } from '../model/virtual-server.ts';
import { applyRuleset, NftMissing, type RulesetOptions, readTable } from './nft.ts';
import { setLines } from './nft-text.ts';
import { watchTables } from './nft-watch.ts';

export { applyRuleset, NftMissing, RulesetError, type RulesetOptions } from './nft.ts';

const OWN_TABLE = 'vipward';
const NAME = `inet ${OWN_TABLE}`;
const TABLE = `table ${NAME}`;
/** Of what is refused. */
const SETS = ['vips4', 'vips6'] as const;
const CHAIN = 'local_in';
/** Behind IPVS (98, 99) and behind NF_IP_PRI_NAT_SRC (100). */
const PRIORITY = 200;

export interface RefusedAddress {
  readonly address: IpAddress;
  /** What this host answers all the same: virtual servers on the address of which it is a real server itself. */
  readonly services: readonly { readonly protocol: Protocol /** 0: every one. */; readonly port: number }[];
  /** Firewall marks of virtual servers of the same kind. */
  readonly marks: readonly number[];
}

/**
 * From now on exactly these addresses are refused; with none of them the table is removed. Rejects with NftMissing,
 * RulesetError, or the signal's reason, and what held before holds on.
 */
export async function refuseLocal(
  addresses: readonly RefusedAddress[],
  options?: RulesetOptions,
): Promise<void> {
  if (addresses.length === 0) return await acceptLocal(options);
  const what = `refuse local packets to ${addresses.length} virtual addresses`;
  await applyRuleset(refusingRuleset(addresses), what, options);
}

/** Removes the table; nothing to do where it is not there. Rejects as `refuseLocal`, but never with NftMissing. */
export async function acceptLocal(options?: RulesetOptions): Promise<void> {
  try {
    await applyRuleset(REMOVAL, `remove ${TABLE}`, options);
  } catch (error) {
    // Without nft there is no table of ours.
    if (!(error instanceof NftMissing)) throw error;
  }
}

/** Whether our rules are there: somebody may have flushed everybody's, or ours. Rejects as `refuseLocal`. */
export async function isRefusing(options?: RulesetOptions): Promise<boolean> {
  const held = await readTable(NAME, options);
  return held !== undefined && SETS.every((set) => held.includes(`daddr @${set} counter drop`));
}

/** Tells when somebody, or we ourselves, may have changed our table. Throws as `watchTables`. */
export const watchRefusal = (onChange: () => void): { close(): void } => watchTables([OWN_TABLE], onChange);

/** Naming the table makes it where it is not there, so that it can be deleted in any case. */
const REMOVAL = `${TABLE}\ndelete ${TABLE}\n`;

/** Pure: the table as a whole, in the place of the one before it. */
export function refusingRuleset(addresses: readonly RefusedAddress[]): string {
  const four = addresses.filter(({ address }) => familyOf(address) === 'ipv4');
  const six = addresses.filter(({ address }) => familyOf(address) === 'ipv6');
  return [
    `${REMOVAL}${TABLE} {`,
    ...setLines('vips4', 'ipv4_addr', namesOf(four)),
    ...setLines('vips6', 'ipv6_addr', namesOf(six)),
    ...setLines('services4', 'ipv4_addr . inet_proto . inet_service', servicesOf(four)),
    ...setLines('services6', 'ipv6_addr . inet_proto . inet_service', servicesOf(six)),
    ...setLines('protocols4', 'ipv4_addr . inet_proto', protocolsOf(four)),
    ...setLines('protocols6', 'ipv6_addr . inet_proto', protocolsOf(six)),
    ...setLines('marks4', 'ipv4_addr . mark', marksOf(four)),
    ...setLines('marks6', 'ipv6_addr . mark', marksOf(six)),
    `  chain ${CHAIN} {`,
    `    type filter hook input priority ${PRIORITY}; policy accept;`,
    '    # A neighbour must find out who has the address, although it does not answer.',
    '    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
    '    ip daddr . meta l4proto . th dport @services4 accept',
    '    ip6 daddr . meta l4proto . th dport @services6 accept',
    '    ip daddr . meta l4proto @protocols4 accept',
    '    ip6 daddr . meta l4proto @protocols6 accept',
    '    ip daddr . meta mark @marks4 accept',
    '    ip6 daddr . meta mark @marks6 accept',
    ...SETS.map((set) => `    ${set === 'vips4' ? 'ip' : 'ip6'} daddr @${set} counter drop`),
    '  }',
    '}',
    '',
  ].join('\n');
}

const namesOf = (addresses: readonly RefusedAddress[]): readonly string[] =>
  addresses.map(({ address }) => address);

const servicesOf = (addresses: readonly RefusedAddress[]): readonly string[] =>
  addresses.flatMap(({ address, services }) =>
    services
      .filter(({ port }) => port !== 0)
      .map(({ protocol, port }) => `${address} . ${protocol} . ${port}`),
  );

const protocolsOf = (addresses: readonly RefusedAddress[]): readonly string[] =>
  addresses.flatMap(({ address, services }) =>
    services.filter(({ port }) => port === 0).map(({ protocol }) => `${address} . ${protocol}`),
  );

const marksOf = (addresses: readonly RefusedAddress[]): readonly string[] =>
  addresses.flatMap(({ address, marks }) => marks.map((mark) => `${address} . ${mark}`));
