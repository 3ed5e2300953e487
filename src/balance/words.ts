/** The plan in words, one line an operation: what `vipward plan` prints and the log says. */
import {
  realServerKey,
  type TableOperation,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
  tunnelOf,
} from '../model/ipvs-table.ts';
import type { Tunnel } from '../model/virtual-server.ts';

export function operationText(operation: TableOperation): string {
  const server = tableKeyText(operation.key);
  switch (operation.op) {
    case 'add-virtual-server':
      return `add virtual server ${server} (${operation.settings.scheduler})`;
    case 'edit-virtual-server':
      return `change virtual server ${server}: ${settingsChange(operation.was, operation.settings)}`;
    case 'remove-virtual-server':
      return `remove virtual server ${server}`;
    case 'add-real-server': {
      const { forwarding, weight } = operation.realServer;
      return `add real server ${realServerKey(operation.realServer)} to ${server} (${forwarding}, weight ${weight})`;
    }
    case 'edit-real-server':
      return `change real server ${realServerKey(operation.realServer)} of ${server}: ${realServerChange(operation.was, operation.realServer)}`;
    case 'remove-real-server':
      return `remove real server ${realServerKey(operation.realServer)} from ${server}`;
    default:
      return operation satisfies never;
  }
}

const settingsChange = (was: TableSettings, is: TableSettings): string =>
  changes([
    ['scheduler', was.scheduler, is.scheduler],
    ['flags', was.flags, is.flags],
    ['persistence', `${was.timeout} s`, `${is.timeout} s`],
    ['granularity', was.mask ?? `/${was.granularity}`, is.mask ?? `/${is.granularity}`],
    ['persistence engine', was.engine || 'none', is.engine || 'none'],
  ]);

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
