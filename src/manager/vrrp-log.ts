/** The lines of the log that tell of virtual routers and sync groups. */
import type { Log, VrrpToManager } from '../model/messages.ts';
import {
  type GroupStatus,
  type RouterPathStatus,
  type RouterStatus,
  shownWord,
} from '../model/router-status.ts';

/** The line for the state of a virtual router. */
export function logRouter(log: Log, status: RouterStatus): void {
  const { name, reason, releasing, activeRouter, priority } = status;
  const state = shownWord(status);
  const word = releasing ? 'handing over' : state;
  log(state === 'FAULT' ? 'warn' : 'info', `virtual router ${name}: ${word}: ${reason}`, {
    virtualRouter: name,
    state,
    reason,
    priority,
    activeRouter: activeRouter?.address,
  });
}

/**
 * Heartbeat paths that have stopped to protect, and those that do again, by the status `before`. Where all of them are
 * silent nobody speaks, which is no fault of theirs.
 */
export function logPaths(log: Log, before: RouterStatus | undefined, { name, paths }: RouterStatus): void {
  // Nor did they stop when nobody spoke: at the start, and before a take-over.
  if (!speak(paths) || (before !== undefined && !speak(before.paths))) return;
  for (const path of paths) {
    const was = before?.paths.find((each) => idOf(each) === idOf(path))?.state;
    const failed = isFailed(path.state);
    if (path.state === was || failed === (was !== undefined && isFailed(was))) continue;
    const words = failed ? (path.reason ?? 'no adverts come by it any more') : 'in order again';
    if (failed || was !== undefined)
      log(failed ? 'warn' : 'info', `virtual router ${name}: heartbeat path ${path.interface}: ${words}`, {
        virtualRouter: name,
        path: path.interface,
        state: path.state,
      });
  }
}

const speak = (paths: RouterStatus['paths']): boolean =>
  paths.some(({ state }) => state === 'heard' || state === 'sending');

const isFailed = (state: RouterPathStatus['state']): boolean => state === 'silent' || state === 'down';

const idOf = ({ interface: link, transport, family }: RouterPathStatus): string =>
  `${link} ${transport} ${family}`;

/** The line for the state of a sync group. */
export function logGroup(log: Log, status: GroupStatus): void {
  const { name, reason } = status;
  const state = shownWord(status);
  log(state === 'FAULT' ? 'warn' : 'info', `sync group ${name}: ${state}: ${reason}`, { syncGroup: name });
}

/** The line for another director that was active beside us. */
export function logRival(
  log: Log,
  { name, address, outcome }: Extract<VrrpToManager, { type: 'rival' }>,
): void {
  const won = outcome === 'won';
  // To be preempted looks like a partition that heals on the side that gives way, and is nothing to warn of.
  const words = won
    ? `${address} was active beside us: it must give way, and our addresses are announced again`
    : `gives way to ${address}, which outranks us: it preempts, or a partition has healed`;
  log(won ? 'warn' : 'info', `virtual router ${name}: ${words}`, {
    virtualRouter: name,
    rival: address,
    outcome,
  });
}
