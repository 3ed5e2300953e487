/**
 * Real servers behind nat and fullnat. What IPVS masquerades is known afterwards by the VIP and the real server's
 * address and port (see kernel/packet-rules.ts): where two services masquerade from one VIP to one port of a real server
 * in different ways, nothing tells their packets apart.
 */
import { familyOf, type IpAddress } from '../../model/address.ts';
import type { PortRange } from '../../model/config.ts';
import { onceForEach } from '../../model/once.ts';
import { endpoint, type Protocol } from '../../model/virtual-server.ts';
import { USUAL_PROTOCOL } from '../convert/entries.ts';
import { errorAt, type Finding } from '../finding.ts';
import { type ConfigDraft, itemsOf, type RealServerDraft, type SorryServerDraft } from './draft.ts';
import {
  forwardingOf,
  readServices,
  realServers,
  type Server,
  type Service,
  sorryServers,
} from './service.ts';
import { EVERY_PORT, firstOverlap } from './virtual-servers.ts';

export function masqueradingFindings(draft: ConfigDraft): readonly Finding[] {
  const services = readServices(draft);
  // Under nat alone every packet keeps its source.
  if (!services.some(hasFullnat)) return [];
  const groups = Map.groupBy(services.flatMap(masqueradesOf), ({ key }) => key);
  // One server clashes at each VIP alike.
  const found = new Map<Finding['path'], Finding>();
  for (const finding of [...groups.values()].flatMap(clashesIn))
    if (!found.has(finding.path)) found.set(finding.path, finding);
  return [...found.values()];
}

const hasFullnat = onceForEach((service: Service) =>
  waysOf(service).some(({ method }) => method === 'fullnat'),
);

/** How one server of a service is reached. */
interface Way {
  readonly server: Server;
  readonly method: 'nat' | 'fullnat';
  /** As whom the real server sees its clients. */
  readonly seen: string;
}

/** All that goes from one VIP to one address of a real server. */
interface Masquerade extends Way {
  readonly service: Service;
  readonly vip: IpAddress;
  /** Of the real server. */
  readonly address: IpAddress;
  readonly key: string;
  /** Of the real server. */
  readonly ports: readonly PortRange[];
}

const waysOf = (service: Service): readonly Way[] =>
  [...realServers(service), ...sorryServers(service)].flatMap((server): Way[] => {
    const method = forwardingOf(server.value, service.value);
    if (method === 'nat') return [{ server, method, seen: 'their own addresses' }];
    return method === 'fullnat' ? [{ server, method, seen: sourceOf(server.value, service) }] : [];
  });

function sourceOf(server: RealServerDraft | SorryServerDraft, { value }: Service): string {
  const own = 'source_address' in server ? server.source_address : undefined;
  const usual = (value.source_address ?? []).find(
    (address) =>
      address !== undefined && server.address !== undefined && familyOf(address) === familyOf(server.address),
  );
  return own ?? usual ?? "the director's own address";
}

/** What clients ask for, as far as it is known. */
interface Asked {
  readonly vip: IpAddress;
  readonly protocol: Protocol;
  readonly ports: readonly PortRange[];
}

function askedOf(service: Service): readonly Asked[] {
  const { value } = service;
  if ('mark' in value)
    return itemsOf(value.match, [...service.path, 'match']).flatMap(({ value: match }) =>
      askedFor(match.address, match.protocol, match.ports),
    );
  return askedFor(value.address, 'protocol' in value ? value.protocol : USUAL_PROTOCOL, value.port);
}

function askedFor(
  addresses: readonly (IpAddress | undefined)[] | undefined,
  protocol: Protocol | undefined,
  ports: 'any' | readonly (PortRange | undefined)[] | undefined,
): readonly Asked[] {
  if (protocol === undefined) return [];
  const some = ports === 'any' || ports === undefined ? EVERY_PORT : ports.flatMap((range) => range ?? []);
  return (addresses ?? []).flatMap((vip) => (vip === undefined ? [] : [{ vip, protocol, ports: some }]));
}

function masqueradesOf(service: Service): readonly Masquerade[] {
  const ways = waysOf(service);
  if (ways.length === 0) return [];
  return askedOf(service).flatMap(({ vip, protocol, ports }) =>
    ways.flatMap((way): Masquerade[] => {
      const { address, port } = way.server.value;
      if (address === undefined || familyOf(address) !== familyOf(vip)) return [];
      const own = port === undefined ? ports : [{ from: port, to: port }];
      return [{ ...way, service, vip, address, key: `${vip} ${protocol} ${address}`, ports: own }];
    }),
  );
}

/** Each with the first that it clashes with: only those of another kind can, and most files have one kind alone. */
function clashesIn(group: readonly Masquerade[]): readonly Finding[] {
  const formers = new Map<string, Masquerade[]>();
  return group.flatMap((later) => {
    const kind = kindOf(later);
    const others = [...formers].flatMap(([each, list]) => (each === kind ? [] : [list]));
    const former = others.map((list) => list.find((each) => meet(each, later))).find((each) => each);
    const alike = formers.get(kind);
    if (alike === undefined) formers.set(kind, [later]);
    else alike.push(later);
    return former === undefined ? [] : [errorAt(later.server.path, messageOf(former, later))];
  });
}

const meet = (one: Masquerade, other: Masquerade): boolean =>
  one.ports.some((a) => other.ports.some((b) => a.from <= b.to && b.from <= a.to));

const kindOf = ({ method, seen }: Masquerade): string => `${method} ${seen}`;

function messageOf(former: Masquerade, later: Masquerade): string {
  const { address, vip, method, seen } = later;
  const port = firstOverlap([...former.ports, ...later.ports]);
  const at = port === undefined ? address : endpoint(address, port);
  const where =
    former.service === later.service ? 'elsewhere in this service' : `in service "${former.service.name}"`;
  return former.method === method
    ? `${at} is told here that its clients are ${seen}, and ${former.seen} ${where}, both for the VIP ${vip}: nothing tells their packets apart; use one source_address for both, or another port of the real server`
    : `${at} is behind ${method} here and behind ${former.method} ${where}, both for the VIP ${vip}: nothing tells their packets apart, and both would get fullnat; use one forwarding for both, or another port of the real server`;
}
