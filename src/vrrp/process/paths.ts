/** Pure: the ways that an instance's adverts go, as the sockets need them. */
import { type Family, familyOf, type IpAddress } from '../../model/address.ts';
import type { HeartbeatPath, Peer, VirtualRouter } from '../../model/virtual-router.ts';
import type { ReceivePath } from '../receive-checks.ts';

/** One heartbeat path of one instance. */
export interface InstancePath {
  readonly interface: string;
  readonly transport: 'multicast' | 'unicast' | 'udp';
  /** Of the instance's family; empty for multicast. */
  readonly peers: readonly Peer[];
  /** Where adverts come from, where the file says so. */
  readonly source: IpAddress | undefined;
  /** UDP only. */
  readonly port: number;
}

/** In the order of the file; a path all of whose peers are of the other family has none of this one. */
export const pathsOf = (router: VirtualRouter, family: Family): readonly InstancePath[] =>
  router.heartbeat.flatMap((path) => pathOf(path, family));

function pathOf(path: HeartbeatPath, family: Family): readonly InstancePath[] {
  const peers = path.peers.filter(({ address }) => familyOf(address) === family);
  if (path.peers.length > 0 && peers.length === 0) return [];
  const source = path.source.find((address) => familyOf(address) === family);
  const transport = path.transport === 'udp' ? 'udp' : peers.length > 0 ? 'unicast' : 'multicast';
  return [{ interface: path.interface, transport, peers, source, port: path.port }];
}

/** What the receive checks want to know of a path. */
export const receivePath = ({ transport, peers }: InstancePath): ReceivePath =>
  transport === 'multicast' ? { transport } : { transport, peers };

/** Every link that a virtual router has to do with: its own first. */
export function linksOf(router: VirtualRouter): readonly string[] {
  const devices = router.addresses.flatMap(({ device }) => (device === undefined ? [] : [device]));
  const hops = router.routes.flatMap(({ nextHops }) =>
    nextHops.flatMap(({ device }) => (device === undefined ? [] : [device])),
  );
  const paths = router.heartbeat.map((path) => path.interface);
  return [...new Set([router.interface, ...paths, ...devices, ...hops])];
}

/** Those whose loss is the virtual router's own: all but the further heartbeat paths. */
export function carriersOf(router: VirtualRouter): readonly string[] {
  const others = new Set(router.heartbeat.slice(1).map((path) => path.interface));
  const hops = router.routes.flatMap(({ nextHops }) => nextHops);
  const devices = new Set([...router.addresses, ...hops].map(({ device }) => device));
  return linksOf(router).filter(
    (name) => name === router.interface || devices.has(name) || !others.has(name),
  );
}
