/** The part of the status that is about load balancing. */
import type { CheckResult } from '../../model/check.ts';
import type { ConnectionCounts } from '../../model/ipvs-table.ts';
import type { RealServerStatus, SorryServerStatus, VirtualServerStatus } from '../../model/status.ts';
import { formatAgo, formatDuration } from './duration.ts';
import type { Style } from './style.ts';
import { alignColumns, indent, printable } from './text.ts';
import type { View } from './virtual-routers.ts';

const HEADINGS = ['real server', 'health', 'weight', 'active', 'inactive', 'last check'];
const NUMBERS = [2, 3, 4];

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
    ...indent(alignColumns(rowsOf(server, view), NUMBERS), 4),
  ]);
}

const entriesText = ([first, ...others]: VirtualServerStatus['entries']): string =>
  others.length === 0 ? first : `${first} and ${others.length} more`;

/** Whether clients are served, in a word, since that is what somebody who is woken up wants to know. */
function verdictOf(server: VirtualServerStatus, style: Style): string {
  const serving = server.realServers.filter((real) => real.inTable && real.weight > 0).length;
  const all = server.realServers.length;
  if (server.sorryServers.some(({ state }) => state === 'in-use')) return style.bad('SORRY SERVER in use');
  if (serving === 0) return style.bad('NOBODY serves');
  const text = `${serving} of ${all} serve`;
  return serving === all ? style.good(text) : style.doubtful(text);
}

function rowsOf(server: VirtualServerStatus, view: View): string[][] {
  const rows = [
    HEADINGS.map(view.style.faint),
    ...server.realServers.map((real) => [
      real.server,
      healthWord(real, view.style),
      String(real.weight),
      ...connectionCells(real.connections),
      lastCheck(real.health?.last, view.now),
    ]),
  ];
  return [...rows, ...server.sorryServers.map((sorry) => sorryRow(sorry, view.style))];
}

function sorryRow(sorry: SorryServerStatus, style: Style): string[] {
  const words = { idle: 'idle', 'in-use': style.bad('in use'), draining: style.doubtful('draining') };
  return [sorry.server, words[sorry.state], '', ...connectionCells(sorry.connections), 'sorry server'];
}

/**
 * up, down, checking (no result yet) or unchecked, then whatever makes it doubtful: results that already speak against
 * it, and a place in the kernel's table that does not go with it.
 */
function healthWord(real: RealServerStatus, style: Style): string {
  const { health, inTable } = real;
  if (health === undefined) return inTable ? 'unchecked' : style.doubtful('unchecked, not in table');
  const against = health.against > 0 ? `, ${health.against} ${health.healthy ? 'bad' : 'good'}` : '';
  switch (health.healthy) {
    case undefined:
      return style.doubtful('checking');
    case true:
      if (!inTable) return style.doubtful(`up${against}, not in table`);
      return against === '' ? style.good('up') : style.doubtful(`up${against}`);
    case false:
      return style.bad(`down${against}${inTable ? ', still in table' : ''}`);
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
