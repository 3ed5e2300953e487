/** Who answers for the virtual addresses. The rule is pure; asking is not. */
import { type Neighbours, openNeighbours } from '../kernel/neighbours.ts';
import type { IpAddress, MacAddress } from '../model/address.ts';
import { type Milliseconds, milliseconds } from '../model/units.ts';
import { patiently } from '../sys/patience.ts';
import { Reactor } from '../sys/reactor.ts';
import { type Finding, good, problem, warning } from './finding.ts';

export interface AskedAddress {
  readonly address: IpAddress;
  /** Where it lives. */
  readonly link: { readonly name: string; readonly index: number; readonly mac: MacAddress | undefined };
  /** Whether this host holds it. */
  readonly here: boolean;
}

export function ownerFindings(
  asked: readonly AskedAddress[],
  answers: ReadonlyMap<IpAddress, readonly MacAddress[]>,
  known: KnownHosts,
): readonly Finding[] {
  const found = asked.flatMap(({ address, link, here }) => {
    const all = answers.get(address) ?? [];
    const own = all.flatMap((mac) => known.links.get(mac) ?? []);
    const macs = all.filter((mac) => !known.links.has(mac));
    if (here && own.length > 0 && macs.length === 0) return [ownLinks(address, link.name, own)];
    const owners = macs.length + (here ? 1 : 0);
    if (owners === 0)
      return [
        warning(
          `nobody on ${link.name} answers for ${address}`,
          'no client reaches it',
          'vipward status on every director',
        ),
      ];
    if (owners === 1) return [];
    const who = [
      ...(here ? [`this host (${link.mac ?? 'no Ethernet address'})`] : []),
      ...macs.map((mac) => nameOf(mac, address, known)),
    ].join(' and ');
    const realServer = macs
      .flatMap((mac) => known.addresses.get(mac) ?? [])
      .find((each) => known.realServers.has(each));
    return [
      problem(
        `${address} is answered for by ${who}`,
        'clients reach now one, now the other: connections break',
        realServer === undefined
          ? 'find the host by its Ethernet address (bridge fdb, the switch); a real server needs `vipward realserver start`, a director `vipward status`'
          : `on the real server ${realServer}: vipward realserver start --vip ${address} --forwarding ${known.realServers.get(realServer)}; then vipward doctor, which tells if it has the address elsewhere too`,
      ),
    ];
  });
  if (found.length > 0 || asked.length === 0) return found;
  return [good('each virtual address is answered for by one host')];
}

/** Whom this host knows on its links. */
export interface KnownHosts {
  readonly addresses: ReadonlyMap<MacAddress, readonly IpAddress[]>;
  /** Under dr and tun, which have the VIP themselves; with the method. */
  readonly realServers: ReadonlyMap<IpAddress, 'dr' | 'tun'>;
  /** Links of this host itself. */
  readonly links: ReadonlyMap<MacAddress, string>;
}

/** Two links of one host in one network: by itself Linux answers on each of them for every address. */
const ownLinks = (address: IpAddress, link: string, others: readonly string[]): Finding =>
  warning(
    `${address}, which is on ${link}, is answered for by ${others.join(' and ')} of this host too`,
    'clients come in by a link where they are not expected, and still do so after a failover, which tells of the other',
    'sysctl -w net.ipv4.conf.all.arp_ignore=1; and in /etc/sysctl.d, so that it lasts',
  );

function nameOf(mac: MacAddress, vip: IpAddress, { addresses, realServers }: KnownHosts): string {
  const others = (addresses.get(mac) ?? []).filter((address) => address !== vip);
  if (others.length === 0) return mac;
  const realServer = others.find((address) => realServers.has(address));
  return `${mac} (${realServer === undefined ? others[0] : `real server ${realServer}`})`;
}

/** Asks three times within `patience`, and gives the Ethernet addresses of others that claim each address. */
export async function askOwners(
  asked: readonly AskedAddress[],
  patience: Milliseconds,
): Promise<ReadonlyMap<IpAddress, readonly MacAddress[]>> {
  const answers = new Map<IpAddress, MacAddress[]>();
  const reactor = new Reactor();
  const links = Map.groupBy(asked, ({ link }) => link.index);
  const ears: { readonly ear: Neighbours; readonly of: readonly AskedAddress[] }[] = [];
  // What stays open after a refusal, as of a container without CAP_NET_RAW, would keep the process from its end.
  try {
    for (const of of links.values()) {
      const [first] = of;
      if (first === undefined) continue;
      const ear = openNeighbours(reactor, first.link);
      ears.push({ ear, of });
      ear.onAnswer(({ address, mac }) => {
        const macs = answers.get(address) ?? [];
        if (!macs.includes(mac) && mac !== first.link.mac) answers.set(address, [...macs, mac]);
      });
    }
    for (let time = 0; time < 3; time++) {
      for (const { ear, of } of ears) for (const { address } of of) ear.ask(address, undefined);
      const { promise, resolve } = Promise.withResolvers<void>();
      patiently(milliseconds(patience / 3), resolve);
      await promise;
    }
    return answers;
  } finally {
    for (const { ear } of ears) ear.close();
    reactor.close();
  }
}
