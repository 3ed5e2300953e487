/** The ways that adverts go: peers, sources, heartbeats. */
import { familyName, familyOf, type IpAddress, isLoopback, isNotUnicast } from '../../model/address.ts';
import type { Environment } from '../environment.ts';
import { errorAt, type Finding, type Path, warningAt } from '../finding.ts';
import {
  type ConfigDraft,
  duplicates,
  familiesOf,
  itemsOf,
  knowsAddresses,
  type Named,
  type VirtualRouterDraft,
  virtualRoutersOf,
} from './draft.ts';

type Router = Named<VirtualRouterDraft>;
type PathDraft = Pick<VirtualRouterDraft, 'interface' | 'transport' | 'peers' | 'source'>;

/** One way, with what the virtual router itself says of it. */
interface Way {
  readonly value: PathDraft;
  /** Where a key of it stands in the file. */
  readonly at: (key: keyof PathDraft) => Path;
}

export const transportFindings = (draft: ConfigDraft, environment: Environment): readonly Finding[] =>
  virtualRoutersOf(draft).flatMap((router) => [
    ...duplicateWays(router),
    ...waysOf(router).flatMap((way) => ofWay(way, router, environment)),
  ]);

/** The router's own keys, and each entry of its heartbeat. */
export function waysOf({ path, value }: Router): readonly Way[] {
  const listed = itemsOf(value.heartbeat, [...path, 'heartbeat']);
  const ownAt = (key: keyof PathDraft): Path => [...path, key];
  const others = listed.map((item): Way => {
    const itsAt = (key: keyof PathDraft): Path => [...item.path, key];
    if (item.value.interface !== value.interface) return { value: item.value, at: itsAt };
    // What the entry does not say, the router does.
    return { value: { ...value, ...item.value }, at: (key) => (key in item.value ? itsAt(key) : ownAt(key)) };
  });
  const own = listed.some((item) => item.value.interface === value.interface);
  return own ? others : [{ value, at: ownAt }, ...others];
}

function duplicateWays({ path, value }: Router): readonly Finding[] {
  return duplicates(
    itemsOf(value.heartbeat, [...path, 'heartbeat']),
    (item) => item.value.interface,
    (item) => errorAt(item.path, `${item.value.interface} is in this list already: keep one of them`),
  );
}

function ofWay(way: Way, router: Router, environment: Environment): readonly Finding[] {
  const peers = itemsOf(way.value.peers, way.at('peers')).flatMap((item) =>
    item.value.address === undefined ? [] : [{ path: item.path, address: item.value.address }],
  );
  return [
    ...udp(way, router),
    ...peers.flatMap((peer) => unusablePeer(peer, router, environment)),
    ...peers.flatMap((peer) => needless(peer, 'peer', router)),
    ...duplicates(
      peers,
      ({ address }) => address,
      (peer) => errorAt(peer.path, `${peer.address} is in this list already: remove one of them`),
    ),
    ...familyWithoutPeer(way, peers, router),
    ...sources(way, router, environment),
  ];
}

function udp({ at: placeOf, value }: Way, router: Router): readonly Finding[] {
  if (value.transport !== 'udp') return [];
  const at = placeOf('transport');
  const { authentication } = router.value;
  const keyless = !('authentication' in router.value) || (authentication && !('hmac' in authentication));
  return [
    ...(keyless
      ? [
          errorAt(
            at,
            'transport udp needs a key, since anybody can send UDP: add authentication: { hmac: … }',
          ),
        ]
      : []),
    ...(!('peers' in value)
      ? [errorAt(at, 'transport udp knows no multicast: add peers, the addresses of the other directors')]
      : []),
  ];
}

interface Placed {
  readonly path: Path;
  readonly address: IpAddress;
}

function unusablePeer(
  { path, address }: Placed,
  router: Router,
  { interfaces }: Environment,
): readonly Finding[] {
  if (isLoopback(address) || isNotUnicast(address))
    return [errorAt(path, `${address} is no address of another director: give the one of its own`)];
  if (router.value.addresses?.some((vip) => vip?.address === address))
    return [
      errorAt(path, `${address} is a virtual address, which moves: give the other director's own address`),
    ];
  const own = interfaces.find(({ addresses }) => addresses.some((prefix) => prefix.address === address));
  if (own === undefined) return [];
  return [
    errorAt(path, `${address} is this director's own address, on ${own.name}: list the other directors only`),
  ];
}

function needless({ path, address }: Placed, what: string, { value }: Router): readonly Finding[] {
  const family = familyOf(address);
  if (!knowsAddresses(value) || familiesOf(value).length === 0 || familiesOf(value).includes(family))
    return [];
  const message = `${address} is an ${familyName(family)} ${what}, but no ${familyName(family)} address is advertised: adverts go by the family of the addresses`;
  return [errorAt(path, message)];
}

/** With peers of one family only, the other would go by multicast without anybody's having said so. */
function familyWithoutPeer({ at, value }: Way, peers: readonly Placed[], router: Router): readonly Finding[] {
  if (value.peers === undefined || value.peers.includes(undefined)) return [];
  const missing = familiesOf(router.value).filter(
    (family) => !peers.some(({ address }) => familyOf(address) === family),
  );
  return missing.map((family) =>
    errorAt(
      at('peers'),
      `no peer has an ${familyName(family)} address, but ${familyName(family)} addresses are advertised: add the peers' ${familyName(family)} addresses`,
    ),
  );
}

function sources(
  { at: placeOf, value }: Way,
  router: Router,
  { interfaces }: Environment,
): readonly Finding[] {
  const given = itemsOf(value.source, placeOf('source')).map((item) => ({
    path: item.path,
    address: item.value,
  }));
  const device = interfaces.find(({ name }) => name === value.interface);
  const foreign = given.filter(
    ({ address }) => device !== undefined && device.addresses.length > 0 && !hasAddress(device, address),
  );
  return [
    ...given.flatMap((source) => needless(source, 'source', router)),
    ...duplicates(
      given,
      ({ address }) => familyOf(address),
      ({ path: at, address }) =>
        errorAt(
          at,
          `a second ${familyName(familyOf(address))} source: adverts come from one address per family`,
        ),
    ),
    ...foreign.map(({ path: at, address }) =>
      warningAt(
        at,
        `${value.interface} does not have ${address}: the virtual router waits in FAULT until it does`,
      ),
    ),
  ];
}

const hasAddress = (device: Environment['interfaces'][number], address: IpAddress): boolean =>
  device.addresses.some((own) => own.address === address);
