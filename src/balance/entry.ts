/** What a definition means for one of its entries in the kernel's table: which servers take part, and under which port. */
import { familyOf, isLoopback } from '../model/address.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
} from '../model/config.ts';
import type { TableKey, TableRealServer } from '../model/ipvs-table.ts';
import { endpoint, type Forwarding, type ServiceForwarding } from '../model/virtual-server.ts';

/** Everything that a definition says of a real server or a sorry server in the table, its weight apart. */
type Server = Pick<ConfiguredRealServer, 'address' | 'port' | 'forwarding' | 'tunnel'>;

/** Of a virtual server: its address's, or the one that was given with its mark. */
export const familyOfKey = (key: TableKey) => (key.kind === 'mark' ? key.family : familyOf(key.address));

/**
 * Where a definition has entries of both families, each takes the servers of its own; otherwise it takes them all, and
 * those of the other family are reached by tunnel.
 */
export function takesPart(
  { entries }: Pick<ConfiguredVirtualServer, 'entries'>,
  key: TableKey,
  { address }: Pick<Server, 'address'>,
): boolean {
  return !isMixed(entries) || familyOf(address) === familyOfKey(key);
}

/** Asked for every entry with each of its servers, and a range of ports has 65,535 of them. */
function isMixed(entries: ConfiguredVirtualServer['entries']): boolean {
  const known = MIXED.get(entries);
  if (known !== undefined) return known;
  const family = familyOfKey(entries[0]);
  const mixed = entries.some((entry) => familyOfKey(entry) !== family);
  MIXED.set(entries, mixed);
  return mixed;
}

const MIXED = new WeakMap<ConfiguredVirtualServer['entries'], boolean>();

/** The port in the table: the one given, else the entry's; 0, which leaves the client's, where that has none. */
export const portAt = (key: TableKey, { port }: Pick<Server, 'port'>): number =>
  port ?? (key.kind === 'mark' ? 0 : key.port);

/** fullnat is masquerading to IPVS; the rest of it is source NAT. */
const TABLE_FORWARDING: Readonly<Record<ServiceForwarding, Forwarding>> = {
  dr: 'dr',
  nat: 'nat',
  tun: 'tun',
  fullnat: 'nat',
};

/** How `server` stands in the table under `key`. */
export function entryOf(
  key: TableKey,
  server: Server & Partial<Pick<ConfiguredRealServer, 'upperThreshold' | 'lowerThreshold'>>,
  weight: number,
): TableRealServer {
  const forwarding = TABLE_FORWARDING[server.forwarding];
  const entry = {
    address: server.address,
    port: portAt(key, server),
    forwarding,
    weight,
    upperThreshold: server.upperThreshold ?? 0,
    lowerThreshold: server.lowerThreshold ?? 0,
  };
  return forwarding === 'tun' ? { ...entry, tunnel: server.tunnel } : entry;
}

/**
 * How a sorry server is entered. On a loopback address it is this director itself, whatever the forwarding method:
 * the kernel delivers dr to 127.0.0.1 locally, but refuses to masquerade to it, and the client would hang.
 */
export const sorryEntry = (key: TableKey, sorry: ConfiguredSorryServer, weight: number): TableRealServer =>
  entryOf(key, isLoopback(sorry.address) ? { ...sorry, forwarding: 'dr' } : sorry, weight);

/** `10.1.1.2:80`, or `10.1.1.2` where the port is the client's: unique within a definition. */
export const serverName = ({ address, port }: Pick<Server, 'address' | 'port'>): string =>
  port === undefined ? address : endpoint(address, port);
