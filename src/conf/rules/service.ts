/** A definition of a virtual server as the rules see it: what could be read of it, and what follows from that. */
import { type Family, familyOf, type IpAddress } from '../../model/address.ts';
import type { ServiceForwarding } from '../../model/virtual-server.ts';
import { countEntries, type Selector, singlePort, toEntries } from '../convert/entries.ts';
import type { Path } from '../finding.ts';
import {
  type ConfigDraft,
  itemsOf,
  type Named,
  type RealServerDraft,
  type ServiceDraft,
  type SorryServerDraft,
  servicesOf,
} from './draft.ts';

export interface Service extends Named<ServiceDraft> {
  /** undefined: part of it could not be read, or makes no sense. */
  readonly selector: Selector | undefined;
  /** Of the entries, IPv4 first; undefined as above. */
  readonly families: readonly Family[] | undefined;
  /** Where clients come to, as far as it could be read: of a mark, what gets it. */
  readonly addresses: readonly { readonly path: Path; readonly address: IpAddress }[];
  /** The same without their places. */
  readonly vips: ReadonlySet<IpAddress>;
}

/** A real server or a sorry server at its place. */
export interface Server<Value = RealServerDraft | SorryServerDraft> {
  readonly path: Path;
  readonly index: number;
  readonly value: Value;
}

/** Read once for all the rules. */
export function readServices(draft: ConfigDraft): readonly Service[] {
  const services = read.get(draft) ?? toServices(draft);
  read.set(draft, services);
  return services;
}

const read = new WeakMap<ConfigDraft, readonly Service[]>();

const toServices = (draft: ConfigDraft): readonly Service[] => servicesOf(draft).map(toService);

/** By their values: files that are read one after the other share those that are the same in both (`validate.ts`). */
const known = new WeakMap<ServiceDraft, Service>();

function toService(named: Named<ServiceDraft>): Service {
  const before = known.get(named.value);
  if (before?.name === named.name) return before;
  const selector = selectorOf(named.value);
  const addresses = addressesOf(named);
  const vips = new Set(addresses.map(({ address }) => address));
  const service = { ...named, selector, families: selector && familiesOf(selector), addresses, vips };
  known.set(named.value, service);
  return service;
}

/** How packets reach `server`; undefined where that could not be read. */
export const forwardingOf = (
  server: RealServerDraft | SorryServerDraft,
  service: ServiceDraft,
): ServiceForwarding | undefined => ('forwarding' in server ? server.forwarding : service.forwarding);

export const realServers = (service: Named<ServiceDraft>): readonly Server<RealServerDraft>[] =>
  itemsOf(service.value.real_servers, [...service.path, 'real_servers']);

export const sorryServers = (service: Named<ServiceDraft>): readonly Server<SorryServerDraft>[] =>
  itemsOf(service.value.sorry_server, [...service.path, 'sorry_server']);

/** The port of `server` in the table; undefined where it is the client's, or could not be read. */
export const portOf = (
  server: RealServerDraft | SorryServerDraft,
  { selector }: Service,
): number | undefined => ('port' in server ? server.port : selector && singlePort(selector));

const SELECTING = ['address', 'port', 'protocol', 'mark', 'family', 'match'] as const;

function selectorOf(value: ServiceDraft): Selector | undefined {
  const hasHole = SELECTING.some((key) => key in value && value[key] === undefined);
  if (hasHole || 'mark' in value === ('address' in value && 'port' in value)) return undefined;
  // A list that may be one item alone is read whole or not at all, so it has no holes.
  return value as Selector;
}

/** Without the expansion of ports, of which there may be too many. */
function familiesOf(selector: Selector): readonly Family[] {
  const port = selector.port === undefined ? {} : { port: 'any' as const };
  const keys = toEntries({ ...selector, ...port });
  const all = keys.map((key) => (key.kind === 'mark' ? key.family : familyOf(key.address)));
  return (['ipv4', 'ipv6'] as const).filter((family) => all.includes(family));
}

function addressesOf({ path, value }: Named<ServiceDraft>): Service['addresses'] {
  const listed = (list: readonly (IpAddress | undefined)[] | undefined, at: Path) =>
    itemsOf(list, at).map((item) => ({ path: item.path, address: item.value }));
  const matched = itemsOf(value.match, [...path, 'match']).flatMap((item) =>
    listed(item.value.address, [...item.path, 'address']),
  );
  return [...listed(value.address, [...path, 'address']), ...matched];
}

/** How many entries there are, as far as that could be read. */
export const entryCount = ({ selector }: Service): number =>
  selector === undefined ? 0 : countEntries(selector);
