/** Real servers, which linux/ip_vs.h calls destinations. */
import { type Family, familyOf } from '../../model/address.ts';
import {
  type ConnectionCounts,
  type Counted,
  type TableForwarding,
  type TableRealServer,
  tunnelOf,
} from '../../model/ipvs-table.ts';
import type { Attributes } from '../attribute.ts';
import type { AttributeWriter } from '../attribute-writer.ts';
import { FAMILY_NUMBER } from '../family.ts';
import type { Fault, Malformed, Source } from '../reader.ts';
import { EntryReader } from './entry-reader.ts';
import { addressUnion, familyFromNumber, readAddressUnion } from './family.ts';
import { CMD_ATTR, DEST_ATTR } from './numbers.ts';
import { readStatistics } from './statistics.ts';
import { readTunnel, writeTunnel } from './tunnel.ts';

/** IP_VS_CONN_F_*; the forwarding method is in the lowest three bits (IP_VS_CONN_F_FWD_MASK). */
const METHOD: Readonly<Record<TableForwarding, number>> = { nat: 0, local: 1, tun: 2, dr: 3, bypass: 4 };
const METHODS: readonly TableForwarding[] = ['nat', 'local', 'tun', 'dr', 'bypass'];
const FWD_MASK = 0x7;

/** A real server as a dump gives it. */
export type Destination = TableRealServer & { readonly connections: ConnectionCounts };

/** The attribute that names a real server, with everything that can be set of it unless `nameOnly`. Throws RangeError. */
export function writeDestination(writer: AttributeWriter, server: TableRealServer, nameOnly = false): void {
  writer.nested(CMD_ATTR.dest, (destination) => {
    destination.attribute(DEST_ATTR.address, addressUnion(server.address));
    destination.u16be(DEST_ATTR.port, server.port);
    destination.u16(DEST_ATTR.family, FAMILY_NUMBER[familyOf(server.address)]);
    if (nameOnly) return;
    destination.u32(DEST_ATTR.forwarding, METHOD[server.forwarding]);
    destination.u32(DEST_ATTR.weight, server.weight);
    destination.u32(DEST_ATTR.upperThreshold, server.upperThreshold);
    destination.u32(DEST_ATTR.lowerThreshold, server.lowerThreshold);
    const tunnel = tunnelOf(server);
    // Without these a kernel takes it for IP in IP, and one before 5.3 knows nothing else.
    if (tunnel.kind !== 'ipip') writeTunnel(destination, tunnel);
  });
}

const entries = new EntryReader('real server', CMD_ATTR.dest, DEST_ATTR.tunnelFlags);

/** The real server of an answer to IPVS_CMD_GET_DEST. `family`: the virtual server's, for kernels before 3.18. */
export function decodeDestination(payload: Source, family: Family): Destination | Malformed {
  return entries.finish(read(entries.open(payload), family, entries.fault));
}

/** As `decodeDestination`, with the counters. */
export function decodeCountedDestination(payload: Source, family: Family): Counted<Destination> | Malformed {
  const destination = entries.open(payload);
  const { stats: narrow, stats64: wide } = DEST_ATTR;
  return entries.finish({
    ...read(destination, family, entries.fault),
    statistics: readStatistics(destination, { narrow, wide }),
  });
}

function read(destination: Attributes, family: Family, fault: Fault): Destination {
  const own = destination.has(DEST_ATTR.family)
    ? familyFromNumber(destination.u16(DEST_ATTR.family), fault)
    : family;
  const forwarding = readMethod(destination.u32(DEST_ATTR.forwarding), fault);
  const server = {
    address: readAddressUnion(destination, DEST_ATTR.address, own),
    port: destination.u16be(DEST_ATTR.port),
    forwarding,
    weight: destination.u32(DEST_ATTR.weight),
    upperThreshold: destination.u32(DEST_ATTR.upperThreshold),
    lowerThreshold: destination.u32(DEST_ATTR.lowerThreshold),
    connections: readConnections(destination),
  };
  const tunnel = forwarding === 'tun' ? readTunnel(destination, fault) : undefined;
  return tunnel === undefined ? server : { ...server, tunnel };
}

/** One object for all that have none. */
const IDLE: ConnectionCounts = { active: 0, inactive: 0, persistent: 0 };

function readConnections(destination: Attributes): ConnectionCounts {
  const active = destination.u32(DEST_ATTR.active);
  const inactive = destination.u32(DEST_ATTR.inactive);
  const persistent = destination.u32(DEST_ATTR.persistent);
  return (active | inactive | persistent) === 0 ? IDLE : { active, inactive, persistent };
}

function readMethod(flags: number, fault: Fault): TableForwarding {
  const method = METHODS[flags & FWD_MASK];
  if (method === undefined) fault.report(`forwarding method ${flags & FWD_MASK}`);
  return method ?? 'dr';
}
