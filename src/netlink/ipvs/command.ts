/** The IPVS family's requests and its answer about itself. */
import type { TableKey, TableOperation } from '../../model/ipvs-table.ts';
import { Attributes } from '../attribute.ts';
import { GENERIC_HEADER, genericPayload } from '../generic.ts';
import { type Malformed, Reader } from '../reader.ts';
import { writeDestination } from './destination.ts';
import { CMD, INFO_ATTR, IPVS_GENL_VERSION } from './numbers.ts';
import { writeService } from './service.ts';

const payload = (command: number) => genericPayload(command, IPVS_GENL_VERSION);

export const encodeGetInfo = (): Uint8Array => payload(CMD.getInfo).finish();

/** Sets the counters of everything in the table to zero, or those of one virtual server and its real servers. */
export const encodeZero = (key: TableKey | undefined): Uint8Array =>
  key === undefined ? payload(CMD.zero).finish() : naming(CMD.zero, key);

/** Removes every virtual server. */
export const encodeFlush = (): Uint8Array => payload(CMD.flush).finish();

/** For a dump of all virtual servers. */
export const encodeGetServices = (): Uint8Array => payload(CMD.getService).finish();

/** For one virtual server: the kernel answers ESRCH when there is none. */
export const encodeGetService = (key: TableKey): Uint8Array => naming(CMD.getService, key);

/** For a dump of a virtual server's real servers: empty, and no error, when there is no such virtual server. */
export const encodeGetDestinations = (key: TableKey): Uint8Array => naming(CMD.getDest, key);

function naming(command: number, key: TableKey): Uint8Array {
  const writer = payload(command);
  writeService(writer, key);
  return writer.finish();
}

/** Throws RangeError for a number that does not fit where it belongs. */
export function encodeOperation(operation: TableOperation): Uint8Array {
  const writer = payload(commandOf(operation));
  switch (operation.op) {
    case 'add-virtual-server':
    case 'edit-virtual-server':
      writeService(writer, operation.key, operation.settings);
      break;
    case 'remove-virtual-server':
      writeService(writer, operation.key);
      break;
    case 'add-real-server':
    case 'edit-real-server':
    case 'remove-real-server':
      writeService(writer, operation.key);
      writeDestination(writer, operation.realServer, operation.op === 'remove-real-server');
      break;
    default:
      return operation satisfies never;
  }
  return writer.finish();
}

const COMMANDS: Readonly<Record<TableOperation['op'], number>> = {
  'add-virtual-server': CMD.newService,
  'edit-virtual-server': CMD.setService,
  'remove-virtual-server': CMD.delService,
  'add-real-server': CMD.newDest,
  'edit-real-server': CMD.setDest,
  'remove-real-server': CMD.delDest,
};

const commandOf = (operation: TableOperation): number => COMMANDS[operation.op];

export interface IpvsInfo {
  /** `1.2.1`. */
  readonly version: string;
  /** Buckets of the hash table of connections. */
  readonly connectionTableSize: number;
}

/** Of the answer to IPVS_CMD_GET_INFO. */
export function decodeInfo(bytes: Uint8Array): IpvsInfo | Malformed {
  const reader = new Reader(bytes, 'IPVS information');
  reader.skip(GENERIC_HEADER);
  const attributes = Attributes.from(reader);
  const version = attributes.u32(INFO_ATTR.version);
  return reader.finish({
    version: `${(version >>> 16) & 0xff}.${(version >>> 8) & 0xff}.${version & 0xff}`,
    connectionTableSize: attributes.u32(INFO_ATTR.connectionTableSize),
  });
}
