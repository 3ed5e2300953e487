/** The plan in words, one line an operation: what `vipward plan` prints and the log says. */
import {
  realServerKey,
  type TableOperation,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
  tunnelOf,
} from '../model/ipvs-table.ts';
import { SERVICE_FLAG, schedulerFlagNames } from '../model/service-flags.ts';
import type { Tunnel } from '../model/virtual-server.ts';

/** One operation, with the entry that it is about. */
export function operationText(operation: TableOperation): string {
  const entry = tableKeyText(operation.key);
  const server = 'realServer' in operation ? realServerKey(operation.realServer) : '';
  return phrase(operation, `virtual server ${entry}`, entry, server);
}

/** The same change of so many entries of one definition, whose real server may have another port in each. */
export function commonText(operation: TableOperation, count: number, definition: string | undefined): string {
  const whose = definition === undefined ? 'that no service has' : `of ${definition}`;
  const entries = `${count} virtual servers ${whose}`;
  const server = 'realServer' in operation ? operation.realServer.address : '';
  return phrase(operation, entries, entries, server);
}

/** Equal for changes that differ in nothing but the entry, and in the port of the real server. */
export const kindOfChange = (operation: TableOperation): string => commonText(operation, 0, '');

/** `virtualServer` as the object of a change, `entry` as the place of a real server. */
function phrase(operation: TableOperation, virtualServer: string, entry: string, server: string): string {
  switch (operation.op) {
    case 'add-virtual-server':
      return `add ${virtualServer} (${operation.settings.scheduler})`;
    case 'edit-virtual-server':
      return `change ${virtualServer}: ${settingsChange(operation.was, operation.settings)}`;
    case 'remove-virtual-server':
      return `remove ${virtualServer}`;
    case 'add-real-server': {
      const { forwarding, weight } = operation.realServer;
      return `add real server ${server} to ${entry} (${forwarding}, weight ${weight})`;
    }
    case 'edit-real-server':
      return `change real server ${server} of ${entry}: ${realServerChange(operation.was, operation.realServer)}`;
    case 'remove-real-server':
      return `remove real server ${server} from ${entry}`;
    default:
      return operation satisfies never;
  }
}

/** Bits that are neither of these, as only others set them, are told by their number. */
const settingsChange = (was: TableSettings, is: TableSettings): string =>
  changes([
    ['scheduler', was.scheduler, is.scheduler],
    ['scheduler flags', flagsText(was), flagsText(is)],
    ['one-packet scheduling', onePacketText(was), onePacketText(is)],
    ['persistence', persistenceText(was), persistenceText(is)],
    ['granularity', was.mask ?? `/${was.granularity}`, is.mask ?? `/${is.granularity}`],
    ['persistence engine', was.engine || 'none', is.engine || 'none'],
  ]) ||
  changes([
    ['flags', was.flags, is.flags],
    ['time-out', `${was.timeout} s`, `${is.timeout} s`],
  ]);

/** By the names that the file has for them. */
const flagsText = ({ scheduler, flags }: TableSettings): string =>
  schedulerFlagNames(scheduler, flags).join(' and ') || 'none';

const onePacketText = ({ flags }: TableSettings): string =>
  (flags & SERVICE_FLAG.onePacket) === 0 ? 'off' : 'on';

/** The time-out may be left from before where the flag is not set. */
const persistenceText = ({ flags, timeout }: TableSettings): string =>
  (flags & SERVICE_FLAG.persistent) === 0 ? 'none' : `${timeout} s`;

const realServerChange = (was: TableRealServer, is: TableRealServer): string =>
  changes([
    ['weight', was.weight, is.weight],
    ['forwarding', was.forwarding, is.forwarding],
    ['upper threshold', was.upperThreshold, is.upperThreshold],
    ['lower threshold', was.lowerThreshold, is.lowerThreshold],
    ['tunnel', tunnelText(tunnelOf(was)), tunnelText(tunnelOf(is))],
  ]);

const tunnelText = ({ kind, port, checksum }: Tunnel): string =>
  `${kind}${port === 0 ? '' : ` port ${port}`}${checksum === 'none' ? '' : ` ${checksum} checksum`}`;

const changes = (fields: readonly (readonly [string, unknown, unknown])[]): string =>
  fields
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => `${name} ${was} → ${is}`)
    .join(', ');
