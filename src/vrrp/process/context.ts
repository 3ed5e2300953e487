/** What virtual routers need of the process around them. */
import type { Addresses } from '../../kernel/addresses.ts';
import type { GroupNeighbours } from '../../kernel/group-neighbours.ts';
import type { Link } from '../../kernel/links.ts';
import type { Macvlans } from '../../kernel/macvlan.ts';
import type { Routes } from '../../kernel/routes.ts';
import type { Rules } from '../../kernel/rules.ts';
import type { VrrpToManager } from '../../model/messages.ts';
import type { Clock } from '../../model/units.ts';
import type { Reactor } from '../../sys/reactor.ts';
import type { ThrottledLog } from './throttle.ts';

/** The kernel, as far as virtual routers need it. */
export interface VrrpKernel {
  readonly addresses: Addresses;
  readonly groups: Pick<GroupNeighbours, 'put' | 'keep' | 'remove'>;
  readonly routes: Pick<Routes, 'list' | 'listOwn' | 'put' | 'remove'>;
  readonly rules: Pick<Rules, 'listOwn' | 'put' | 'remove'>;
  readonly macvlans: Macvlans;
  readonly listLinks: () => readonly Link[];
}

/** The kernel, the clocks, the log and the manager. */
export interface VirtualRoutersContext {
  readonly reactor: Reactor;
  readonly kernel: VrrpKernel;
  readonly now: Clock;
  /** Milliseconds since 1970, for people. */
  readonly date: () => number;
  readonly complain: ThrottledLog;
  readonly send: (
    message: Exclude<VrrpToManager, { type: 'ready' | 'configured' | 'status' | 'log' }>,
  ) => void;
  /** Every virtual router has handed over after `stop`. */
  onStopped(): void;
}
