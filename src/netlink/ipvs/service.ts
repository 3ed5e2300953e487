/** Virtual servers, which linux/ip_vs.h calls services. Addresses and ports are in network order, the rest is not. */
import {
  addressFromBytes,
  addressToBytes,
  type Family,
  familyOf,
  type IpAddress,
} from '../../model/address.ts';
import type { Counted, TableKey, TableSettings } from '../../model/ipvs-table.ts';
import { SERVICE_FLAG } from '../../model/service-flags.ts';
import type { Protocol } from '../../model/virtual-server.ts';
import type { Attributes } from '../attribute.ts';
import { type AttributeWriter, u32Bytes } from '../attribute-writer.ts';
import { FAMILY_NUMBER } from '../family.ts';
import type { Fault, Malformed, Source } from '../reader.ts';
import { EntryReader } from './entry-reader.ts';
import { addressUnion, familyFromNumber, readAddressUnion } from './family.ts';
import { CMD_ATTR, SVC_ATTR } from './numbers.ts';
import { readStatistics } from './statistics.ts';

const PROTOCOL_NUMBER: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
const PROTOCOLS: ReadonlyMap<number, Protocol> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/** A virtual server as a dump gives it. */
export interface Service {
  readonly key: TableKey;
  readonly settings: TableSettings;
}

export const keyFamily = (key: TableKey): Family =>
  key.kind === 'mark' ? key.family : familyOf(key.address);

/** The attribute that names a virtual server, with its settings where they are wanted too. Throws RangeError. */
export function writeService(writer: AttributeWriter, key: TableKey, settings?: TableSettings): void {
  writer.nested(CMD_ATTR.service, (service) => {
    service.u16(SVC_ATTR.family, FAMILY_NUMBER[keyFamily(key)]);
    if (key.kind === 'mark') {
      // The kernel would take mark 0 for the virtual server of every address and port.
      if (key.mark === 0) throw new RangeError('a firewall mark is 1 and up');
      service.u32(SVC_ATTR.mark, key.mark);
    } else {
      service.u16(SVC_ATTR.protocol, PROTOCOL_NUMBER[key.protocol]);
      service.attribute(SVC_ATTR.address, addressUnion(key.address));
      service.u16be(SVC_ATTR.port, key.port);
    }
    if (settings !== undefined) writeSettings(service, keyFamily(key), settings);
  });
}

function writeSettings(service: AttributeWriter, family: Family, settings: TableSettings): void {
  service.string(SVC_ATTR.scheduler, settings.scheduler);
  // struct ip_vs_flags: the flags, and which of them are meant. All are: what is not named is switched off.
  const flags = (settings.flags & ~SERVICE_FLAG.hashed) >>> 0;
  service.attribute(SVC_ATTR.flags, [...u32Bytes(flags, 'flags'), 0xff, 0xff, 0xff, 0xff]);
  service.u32(SVC_ATTR.timeout, settings.timeout);
  service.attribute(SVC_ATTR.netmask, netmaskBytes(family, settings));
  if (settings.engine !== '') service.string(SVC_ATTR.engine, settings.engine);
}

/** IPv4: the mask itself in network order. IPv6: the length of the prefix as a number in host order. */
function netmaskBytes(
  family: Family,
  { granularity, mask: given }: TableSettings,
): Uint8Array | readonly number[] {
  if (family === 'ipv6') return u32Bytes(granularity, 'granularity');
  if (given !== undefined) return addressToBytes(given);
  if (!Number.isInteger(granularity) || granularity < 0 || granularity > 32)
    throw new RangeError(`granularity ${granularity} is no IPv4 prefix length`);
  const mask = granularity === 0 ? 0 : (0xffffffff << (32 - granularity)) >>> 0;
  return [mask >>> 24, (mask >>> 16) & 0xff, (mask >>> 8) & 0xff, mask & 0xff];
}

const entries = new EntryReader('virtual server', CMD_ATTR.service, SVC_ATTR.stats64);

/** The virtual server of an answer to IPVS_CMD_GET_SERVICE. */
export const decodeService = (payload: Source): Service | Malformed =>
  entries.finish(read(entries.open(payload), entries.fault));

/** As `decodeService`, with the counters. */
export function decodeCountedService(payload: Source): Counted<Service> | Malformed {
  const service = entries.open(payload);
  const { stats: narrow, stats64: wide } = SVC_ATTR;
  return entries.finish({
    ...read(service, entries.fault),
    statistics: readStatistics(service, { narrow, wide }),
  });
}

function read(service: Attributes, fault: Fault): Service {
  const family = familyFromNumber(service.u16(SVC_ATTR.family), fault);
  return {
    key: readKey(service, family, fault),
    settings: {
      scheduler: service.string(SVC_ATTR.scheduler),
      flags: (service.u32(SVC_ATTR.flags) & ~SERVICE_FLAG.hashed) >>> 0,
      timeout: service.u32(SVC_ATTR.timeout),
      ...readGranularity(service, family, fault),
      engine: service.has(SVC_ATTR.engine) ? service.string(SVC_ATTR.engine) : '',
    },
  };
}

function readKey(service: Attributes, family: Family, fault: Fault): TableKey {
  // The kernel tells either the mark or protocol, address and port.
  if (service.has(SVC_ATTR.mark)) return { kind: 'mark', mark: service.u32(SVC_ATTR.mark), family };
  const address: IpAddress = readAddressUnion(service, SVC_ATTR.address, family);
  const number = service.u16(SVC_ATTR.protocol);
  const protocol = PROTOCOLS.get(number);
  if (protocol === undefined) fault.report(`protocol ${number}`);
  return { kind: 'address', protocol: protocol ?? 'tcp', address, port: service.u16be(SVC_ATTR.port) };
}

function readGranularity(
  service: Attributes,
  family: Family,
  fault: Fault,
): Pick<TableSettings, 'granularity' | 'mask'> {
  const bytes = service.bytes(SVC_ATTR.netmask, 4);
  if (family === 'ipv6') {
    const granularity = service.u32(SVC_ATTR.netmask);
    if (granularity > 128) fault.report(`granularity ${granularity}`);
    return { granularity };
  }
  const granularity = bytes.reduce((sum, byte) => sum + ones(byte), 0);
  return isPrefix(bytes) ? { granularity } : { granularity, mask: addressFromBytes(bytes) };
}

/** Whether no bit is set after one that is not. */
function isPrefix(mask: Uint8Array): boolean {
  const holes = ~mask.reduce((number, byte) => (number << 8) | byte, 0);
  return (holes & (holes + 1)) === 0;
}

const ones = (byte: number): number => (byte === 0 ? 0 : (byte & 1) + ones(byte >> 1));
