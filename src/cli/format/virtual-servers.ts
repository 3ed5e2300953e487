/** The part of the status that is about load balancing. */
import type { CheckResult } from '../../model/check.ts';
import type { ConnectionCounts } from '../../model/ipvs-table.ts';
import type { RealServerStatus, SorryServerStatus, VirtualServerStatus } from '../../model/status.ts';
import { formatAgo, formatDuration } from './duration.ts';
import { formatOverrides } from './overrides.ts';
import type { Style } from './style.ts';
import { alignColumns, indent, printable } from './text.ts';
import { hasLostQuorum, servesNobody, servingCount, standsIn } from './troubles.ts';
import type { View } from './virtual-routers.ts';

const HEADINGS = ['real server', 'health', 'weight', 'active', 'inactive'];
const NUMBERS = [2, 3, 4, 5];

/** Each virtual server with a table of its real servers. */
export function formatVirtualServers(servers: readonly VirtualServerStatus[], view: View): string[] {
  const heads = alignColumns(
    servers.map((server) => [
      view.style.heading(server.name),
      entriesText(server.entries),
      `${server.scheduler} ${server.forwarding}`,
      verdictOf(server, view.style),
    ]),
  );
  return servers.flatMap((server, i) => [
    `  ${heads[i]}`,
    ...indent(alignColumns(rowsOf(server, view), hasThresholds(server) ? NUMBERS : NUMBERS.slice(0, -1)), 4),
    ...indent(
      formatOverrides(
        server.realServers.flatMap(({ override }) => override ?? []),
        view,
      ),
      4,
    ),
  ]);
}

const entriesText = ([first, ...others]: VirtualServerStatus['entries']): string =>
  others.length === 0 ? first : `${first} and ${others.length} more`;

/** Whether clients are served, in a word, since that is what somebody who is woken up wants to know. */
function verdictOf(server: VirtualServerStatus, style: Style): string {
  const all = server.realServers.length;
  const parts = [servedText(server, style)];
  const { healthy, weight } = server.quorum;
  if (hasLostQuorum(server)) parts.push(style.bad(`QUORUM LOST: healthy weight ${healthy} of ${weight}`));
  if (server.checks === 'resting') parts.push(style.doubtful('checks rest while not active here'));
  // Directors with mh must agree on it.
  if (server.scheduler === 'mh' && all > 0) parts.push(`digest ${server.digest.slice(0, 12)}`);
  return parts.join(', ');
}

function servedText(server: VirtualServerStatus, style: Style): string {
  const all = server.realServers.length;
  if (standsIn(server)) return style.bad('SORRY SERVER in use');
  if (servesNobody(server)) return style.bad('NOBODY serves');
  const serving = servingCount(server);
  const text = `${serving} of ${all} serve`;
  return serving === all ? style.good(text) : style.doubtful(text);
}

const hasThresholds = (server: VirtualServerStatus): boolean =>
  server.realServers.some(({ upperThreshold, lowerThreshold }) => upperThreshold + lowerThreshold > 0);

function rowsOf(server: VirtualServerStatus, view: View): string[][] {
  const thresholds = hasThresholds(server);
  const headings = [...HEADINGS, ...(thresholds ? ['thresholds'] : []), 'last check'];
  const rows = [
    headings.map(view.style.faint),
    ...server.realServers.map((real) => [
      real.server,
      healthWord(real, server.checks, view.style),
      weightText(real),
      ...connectionCells(real.connections),
      ...(thresholds ? [thresholdText(real)] : []),
      lastCheck(real.health?.last, view.now),
    ]),
  ];
  return [...rows, ...server.sorryServers.map((sorry) => sorryRow(sorry, thresholds, view))];
}

/** As it is in the table, beside the file's where that is another one. */
const weightText = ({ weight, tableWeight }: RealServerStatus): string =>
  tableWeight === undefined || tableWeight === weight ? String(weight) : `${tableWeight} (${weight})`;

/** Upper and lower. */
const thresholdText = ({ upperThreshold, lowerThreshold }: RealServerStatus): string =>
  upperThreshold + lowerThreshold === 0 ? '-' : `${upperThreshold}/${lowerThreshold}`;

function sorryRow(sorry: SorryServerStatus, thresholds: boolean, { style, now }: View): string[] {
  const words = { idle: 'idle', 'in-use': style.bad('in use'), draining: style.doubtful('draining') };
  const state = sorry.health?.healthy === false ? style.bad('down') : words[sorry.state];
  const check = sorry.health === undefined ? '' : `: ${lastCheck(sorry.health.last, now)}`;
  const counts = connectionCells(sorry.connections);
  return [sorry.server, state, '', ...counts, ...(thresholds ? [''] : []), `sorry server${check}`];
}

/**
 * up, down, checking (no result yet), resting or unchecked, then whatever makes it doubtful: results that already speak against
 * it, and a place in the kernel's table that does not go with it.
 */
function healthWord(real: RealServerStatus, checks: VirtualServerStatus['checks'], style: Style): string {
  const { health, inTable, tableWeight, override } = real;
  if (checks === 'resting') return inTable ? 'resting' : style.doubtful('resting, not in table');
  if (override !== undefined && override.action !== 'weight' && !inTable && health?.healthy !== false)
    return style.doubtful(`${health === undefined ? 'unchecked' : 'up'}, taken out`);
  if (health === undefined) return inTable ? 'unchecked' : style.doubtful('unchecked, not in table');
  const against = health.against > 0 ? `, ${health.against} ${health.healthy ? 'bad' : 'good'}` : '';
  switch (health.healthy) {
    case undefined:
      return style.doubtful('checking');
    case true:
      if (!inTable) return style.doubtful(`up${against}, not in table`);
      return against === '' ? style.good('up') : style.doubtful(`up${against}`);
    case false:
      return style.bad(`down${against}${inTable && tableWeight !== 0 ? ', still in table' : ''}`);
    default:
      return health.healthy satisfies never;
  }
}

const connectionCells = (connections: ConnectionCounts | undefined): string[] =>
  connections === undefined ? ['-', '-'] : [String(connections.active), String(connections.inactive)];

function lastCheck(last: CheckResult | undefined, now: number): string {
  if (last === undefined) return '-';
  const duration = last.good ? ` in ${formatDuration(last.duration)}` : '';
  const words = last.text === '' ? last.code : `${last.code} ${printable(last.text)}`;
  return `${words}${duration}, ${formatAgo(last.at, now)}`;
}
