/**
 * Leave to become active, for a unit: what is virtual routers that live and fail together. First the whole unit must
 * want it; then, where they are configured, the address is probed, the arbiter's lease is taken, the silent peer is
 * fenced, in this order: a node that cannot get the lease must not shoot the one that has it. With an arbiter one that
 * was not fenced is waited for until the kernel has taken the addresses from it.
 */
import type { IpAddress } from '../../model/address.ts';
import { after, type Instant, type Milliseconds, milliseconds } from '../../model/units.ts';

export type Permission =
  /** Nothing was asked. */
  | { readonly stage: 'idle' }
  /** Not every member wants to be active yet. */
  | { readonly stage: 'members' }
  /** Somebody may still answer for the addresses. `asked` counts the questions. */
  | {
      readonly stage: 'probe';
      readonly until: Instant;
      readonly giveUpAt: Instant;
      readonly answered: boolean;
    }
  | { readonly stage: 'lease' }
  /** With the lease in hand: what the former owner's kernel may still hold must have run out. */
  | { readonly stage: 'lapse'; readonly until: Instant }
  | { readonly stage: 'fence'; readonly id: number }
  /** The fence failed; undefined: it is refused, otherwise taken over at that time. */
  | { readonly stage: 'fence-failed'; readonly takeOverAt: Instant; readonly reason: string };

/** What guards a unit. */
export interface Guards {
  readonly probe: boolean;
  readonly arbiter: boolean;
  readonly fencing: { readonly takeOverAfter: Milliseconds | undefined } | undefined;
}

/** What is known when the next stage is chosen. */
export interface Circumstances {
  /** Whether every member of the unit asks, or is active. */
  readonly unanimous: boolean;
  readonly leaseHeld: boolean;
  /** The active router that fell silent without letting go; undefined: none was heard, it lives, or it is fenced. */
  readonly silentPeer: IpAddress | undefined;
  /** With an arbiter: before this another director's kernel may still hold the addresses. */
  readonly clearAt: Instant | undefined;
  /** How long a silent owner's addresses may stay: the lease of a vipward peer. */
  readonly longestLease: Milliseconds;
}

export type Outcome =
  | {
      readonly outcome: 'wait';
      readonly permission: Permission;
      readonly probe?: true;
      readonly fence?: number;
    }
  | { readonly outcome: 'granted' }
  | { readonly outcome: 'refused'; readonly reason: string };

/** A host on the same network answers within a fraction of this. */
const PROBE_WAIT = milliseconds(50);

const IDLE: Permission = { stage: 'idle' };
export const idlePermission = (): Permission => IDLE;

/** Begins, or goes on where something has changed: pure, and called as often as anybody likes. */
export function proceed(
  permission: Permission,
  guards: Guards,
  now: Instant,
  circumstances: Circumstances,
  nextFence: number,
): Outcome {
  if (!circumstances.unanimous) return { outcome: 'wait', permission: { stage: 'members' } };
  switch (permission.stage) {
    case 'idle':
    case 'members':
      return guards.probe
        ? probing(now, circumstances.longestLease)
        : afterProbe(guards, now, circumstances, nextFence);
    case 'probe':
      if (now < permission.until) return { outcome: 'wait', permission };
      if (permission.answered && now < permission.giveUpAt) return probingAgain(permission, now);
      return afterProbe(guards, now, circumstances, nextFence);
    case 'lease':
    case 'lapse':
      return afterProbe(guards, now, circumstances, nextFence);
    case 'fence':
      // Fenced for another unit, it may be off before our own agent says so.
      return circumstances.silentPeer === undefined || (guards.arbiter && !circumstances.leaseHeld)
        ? afterProbe(guards, now, circumstances, nextFence)
        : { outcome: 'wait', permission };
    case 'fence-failed':
      if (circumstances.silentPeer === undefined) return afterProbe(guards, now, circumstances, nextFence);
      if (guards.arbiter && !circumstances.leaseHeld)
        return { outcome: 'wait', permission: { stage: 'lease' } };
      return now < permission.takeOverAt ? { outcome: 'wait', permission } : cleared(now, circumstances);
    default:
      return permission satisfies never;
  }
}

/** What the end of fence `id` means; undefined where it is not the one that is waited for. */
export function fenced(
  permission: Permission,
  id: number,
  { done, reason }: { readonly done: boolean; readonly reason: string },
  guards: Guards,
  now: Instant,
  leaseHeld: boolean,
): Outcome | undefined {
  if (permission.stage !== 'fence' || permission.id !== id) return undefined;
  // It may have ended while the agent ran.
  if (guards.arbiter && !leaseHeld) return { outcome: 'wait', permission: { stage: 'lease' } };
  if (done) return { outcome: 'granted' };
  const wait = guards.fencing?.takeOverAfter;
  if (wait === undefined) return { outcome: 'refused', reason: `no take-over: the fence failed: ${reason}` };
  return { outcome: 'wait', permission: { stage: 'fence-failed', takeOverAt: after(now, wait), reason } };
}

/** Somebody answered the probe. */
export const answered = (permission: Permission): Permission =>
  permission.stage === 'probe' ? { ...permission, answered: true } : permission;

/** When `proceed` is due by time alone. */
export function permissionDeadline(permission: Permission): Instant | undefined {
  if (permission.stage === 'probe' || permission.stage === 'lapse') return permission.until;
  return permission.stage === 'fence-failed' ? permission.takeOverAt : undefined;
}

/** For people: what is waited for. */
export function describePermission(permission: Permission): string {
  switch (permission.stage) {
    case 'idle':
    case 'members':
      return 'waits until every member of its sync group can be active too';
    case 'probe':
      return permission.answered
        ? 'waits for a silent owner that still answers for its address'
        : 'asks who has the address';
    case 'lease':
      return "waits for the arbiter's lease";
    case 'lapse':
      return "waits until the former owner's address lease has ended";
    case 'fence':
      return 'waits for the fence agent';
    case 'fence-failed':
      return `takes over in spite of a failed fence: ${permission.reason}`;
    default:
      return permission satisfies never;
  }
}

const probing = (now: Instant, longest: Milliseconds): Outcome => ({
  outcome: 'wait',
  permission: {
    stage: 'probe',
    until: after(now, PROBE_WAIT),
    giveUpAt: after(now, longest),
    answered: false,
  },
  probe: true,
});

const probingAgain = (permission: Extract<Permission, { stage: 'probe' }>, now: Instant): Outcome => ({
  outcome: 'wait',
  permission: { ...permission, until: after(now, PROBE_WAIT), answered: false },
  probe: true,
});

function afterProbe(guards: Guards, now: Instant, circumstances: Circumstances, nextFence: number): Outcome {
  if (guards.arbiter && !circumstances.leaseHeld) return { outcome: 'wait', permission: { stage: 'lease' } };
  if (guards.fencing === undefined || circumstances.silentPeer === undefined)
    return cleared(now, circumstances);
  return { outcome: 'wait', permission: { stage: 'fence', id: nextFence }, fence: nextFence };
}

const cleared = (now: Instant, { clearAt }: Circumstances): Outcome =>
  clearAt === undefined || now >= clearAt
    ? { outcome: 'granted' }
    : { outcome: 'wait', permission: { stage: 'lapse', until: clearAt } };
