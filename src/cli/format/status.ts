/** The whole status on one screen: what is wrong first, then virtual routers, virtual servers and the kernel's table. */
import type { PreparationStatus, ProcessStatus, StatusDocument, TableStatus } from '../../model/status.ts';
import { formatActivity } from './activity.ts';
import { formatAgo, formatDuration } from './duration.ts';
import { formatGuards, formatSyncGroups } from './guards.ts';
import { formatDangling } from './overrides.ts';
import { formatProblems } from './problems.ts';
import type { Style } from './style.ts';
import { countOf, indent, printable } from './text.ts';
import { formatTroubles } from './troubles.ts';
import { formatVirtualRouters, type View } from './virtual-routers.ts';
import { formatVirtualServers } from './virtual-servers.ts';

/** Lines without their ends. */
export function formatStatus(status: StatusDocument, view: View): string[] {
  const { style, now } = view;
  const dangling = status.overrides.filter((override) => override.dangling);
  return [
    `${style.heading(status.director)}  vipward ${status.version}, up ${formatDuration(now - status.startedAt)}`,
    ...formatTroubles(status, style),
    ...formatConfiguration(status.configuration, view),
    `processes      ${status.processes.map((process) => processText(process, style)).join(', ')}`,
    ...status.processes.flatMap((process) => lostText(process, view)),
    ...formatTable(status, view),
    ...formatPreparation(status.preparation, style),
    ...formatDamaged(status.damagedFiles, style),
    '',
    style.heading('VIRTUAL ROUTERS'),
    ...orNone(formatVirtualRouters(status.virtualRouters, view)),
    ...section('SYNC GROUPS', formatSyncGroups(status.syncGroups, view), style),
    ...section('GUARDS', formatGuards(status.guards, view), style),
    ...section('TRACKING AND NOTIFICATION', formatActivity(status.activity, view), style),
    '',
    style.heading('VIRTUAL SERVERS'),
    ...orNone(formatVirtualServers(status.virtualServers, view)),
    ...section(
      'OVERRIDES OF REAL SERVERS THAT ARE NOT IN THE FILE',
      indent(formatDangling(dangling, view), 2),
      style,
    ),
  ];
}

/** Left out where there is nothing to show. */
const section = (title: string, lines: readonly string[], style: Style): readonly string[] =>
  lines.length === 0 ? [] : ['', style.heading(title), ...lines];

const orNone = (lines: readonly string[]): readonly string[] => (lines.length === 0 ? ['  none'] : lines);

function formatConfiguration(configuration: StatusDocument['configuration'], { style, now }: View): string[] {
  const { file, loadedAt, digest, refused } = configuration;
  const line = `configuration  ${printable(file)} (sha256 ${digest.slice(0, 12)}), loaded ${formatAgo(loadedAt, now)}`;
  if (refused === undefined) return [line];
  const notice = ` RELOAD REFUSED ${formatAgo(refused.at, now)}: what runs is not what the file says `;
  return [line, style.loud(notice), ...indent(formatProblems(refused.problems, style), 2)];
}

function processText({ name, pid, state, restarts }: ProcessStatus, style: Style): string {
  const paint = state === 'running' ? style.good : style.bad;
  const again = restarts === 0 ? '' : style.doubtful(` (${countOf(restarts, 'restart')})`);
  return `${name} ${pid === undefined ? '' : `${pid} `}${paint(state)}${again}`;
}

/** What is not done meanwhile. */
const WITHOUT: Readonly<Record<ProcessStatus['name'], string>> = {
  manager: 'nothing is decided',
  vrrp: 'no adverts are sent, and the addresses go when their leases end',
  checker: 'real servers are not checked, and stay as they were found last',
};

function lostText({ name, lost }: ProcessStatus, { style, now }: View): string[] {
  if (lost === undefined) return [];
  const rest = lost.nextAt - now;
  const next = rest > 0 ? `the next try is in ${formatDuration(rest)}` : 'it is being started';
  return [
    style.bad(`  the ${name} process died ${formatAgo(lost.at, now)}: ${next}; until then ${WITHOUT[name]}`),
  ];
}

function formatTable({ table, virtualServers }: StatusDocument, { style, now, verbose }: View): string[] {
  const some = (lines: readonly string[]): string[] => indent(limited(lines.map(printable), verbose), 4);
  // Nobody looks at a table that nobody wants.
  const unused = virtualServers.length === 0 && table.verifiedAt === undefined;
  const state = unused ? 'not looked at: there are no services' : tableState(table, style, now);
  const lines = [`IPVS table     ${state}`];
  if (table.lastRepair !== undefined) {
    const { at, found } = table.lastRepair;
    const repairs = `${countOf(table.repairs, 'repair')}, the last ${formatAgo(at, now)}:`;
    lines.push(style.doubtful(`  ${repairs}`), ...some(found));
  }
  if (table.refused.length > 0) {
    lines.push(style.bad('  refused by the kernel:'), ...some(table.refused));
  }
  if (table.foreign.length > 0) {
    lines.push('  not ours and left alone:', ...some(table.foreign));
  }
  return lines;
}

/** Unless asked for more: what matters must stay on the screen. */
const MOST_LINES = 10;

function limited(lines: readonly string[], verbose: boolean): readonly string[] {
  const rest = lines.length - MOST_LINES;
  if (verbose || rest <= 1) return lines;
  return [...lines.slice(0, MOST_LINES), `and ${rest} more: vipward status --verbose`];
}

/** Nothing where everything is as it should be. */
function formatPreparation({ problems }: PreparationStatus, style: Style): string[] {
  if (problems.length === 0) return [];
  return [style.bad('not as the services need it:'), ...indent(problems.map(printable), 4)];
}

function formatDamaged(files: StatusDocument['damagedFiles'], style: Style): string[] {
  if (files === undefined || files.length === 0) return [];
  return [style.bad('state files:'), ...indent(files.map(printable), 4)];
}

function tableState(table: TableStatus, style: Style, now: number): string {
  if (table.unavailable !== undefined) return style.bad(`UNAVAILABLE: ${printable(table.unavailable)}`);
  if (table.verifiedAt === undefined) return style.doubtful('not yet compared with the configuration');
  const compared = `verified ${formatAgo(table.verifiedAt, now)}, digest ${table.digest.slice(0, 12)}`;
  return table.refused.length > 0
    ? `${style.bad('NOT as configured')}, ${compared}`
    : `as configured, ${compared}`;
}
