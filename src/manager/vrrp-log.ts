/** The lines of the log that tell of virtual routers and sync groups. */
import type { Log, VrrpToManager } from '../model/messages.ts';
import { type GroupStatus, type RouterStatus, shownWord } from '../model/router-status.ts';

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

export function logGroup(log: Log, status: GroupStatus): void {
  const { name, reason } = status;
  const state = shownWord(status);
  log(state === 'FAULT' ? 'warn' : 'info', `sync group ${name}: ${state}: ${reason}`, { syncGroup: name });
}

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
