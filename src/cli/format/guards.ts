/** The part of the status that is about sync groups and about what guards against two owners. */
import { type GroupStatus, shownWord } from '../../model/router-status.ts';
import type { GuardStatus } from '../../model/status.ts';
import { formatAgo, formatDuration } from './duration.ts';
import { alignColumns, printable } from './text.ts';
import type { View } from './virtual-routers.ts';

/** A line for each sync group. */
export function formatSyncGroups(groups: readonly GroupStatus[], { style, now }: View): string[] {
  const rows = groups.map((group) => [
    `  ${style.heading(group.name)}`,
    group.state === 'active' ? style.good(shownWord(group)) : shownWord(group),
    `for ${formatDuration(now - group.since)}`,
    group.members.map(printable).join(', '),
    printable(group.reason),
  ]);
  return alignColumns(rows);
}

/** Lines for those guards that are configured. */
export function formatGuards({ arbiter, fencing, sync }: GuardStatus, { style, now }: View): string[] {
  const lines: string[] = [];
  if (arbiter) {
    const state = arbiter.problem === undefined ? 'reachable' : style.bad(printable(arbiter.problem));
    lines.push(`  arbiter  etcd ${arbiter.endpoint ?? ''} ${state}`);
    for (const { unit, state: held, holder, remaining } of arbiter.units) {
      const time = remaining === undefined ? '' : `, for another ${formatDuration(remaining)}`;
      lines.push(
        `           ${unit}: ${held}${time}${holder === undefined ? '' : `, holder ${printable(holder)}`}`,
      );
    }
  }
  if (fencing) {
    const { last } = fencing;
    const outcome =
      last &&
      `${last.done ? 'done' : style.bad('FAILED')} ${formatAgo(last.at, now)}: ${printable(last.reason)}`;
    lines.push(
      `  fencing  ${printable(fencing.agent)}: ${fencing.running ? 'at work' : (outcome ?? 'never needed')}`,
    );
  }
  if (sync) {
    const problem = sync.problem === undefined ? '' : style.bad(`: ${printable(sync.problem)}`);
    lines.push(`  connection synchronisation  ${sync.role ?? 'waits'}${problem}`);
    for (const foreign of sync.foreign) lines.push(style.doubtful(`    not ours: ${printable(foreign)}`));
  }
  return lines;
}
