/** How long things may take in a setting, counted in milliseconds. */
import { centisecondsToMilliseconds } from '../../src/model/units.ts';
import type { VirtualRouter } from '../../src/model/virtual-router.ts';
import { releaseWait } from '../../src/vrrp/timers.ts';
import type { Setting } from './setting.ts';

export interface Bounds {
  /** The longest activeDownInterval of any of them. */
  readonly down: number;
  /** The longest address lease. */
  readonly lease: number;
  /** Two owners that hear each other part within this. */
  readonly meeting: number;
  /** From here on there is one owner, and never none. */
  readonly oneAt: number;
  /** From here on nothing changes any more. */
  readonly quietAt: number;
  readonly end: number;
}

export function bounds(setting: Setting): Bounds {
  const routers = setting.directors.flatMap((director) => director.routers);
  const most = (of: (router: VirtualRouter) => number): number => Math.max(...routers.map(of));
  const interval = most(({ advertInterval }) => centisecondsToMilliseconds(advertInterval));
  const downAdverts = most((router) => router.downAdverts);
  const skew = most(({ version }) => (version === 2 ? 1000 : interval));
  const down = downAdverts * interval + skew;
  // The next whole second after what it must outlast, and one renewal; the kernel is late by up to a second.
  const lease = down + 250 + 2000;
  // Our own lateness, the network's, and what two clocks differ.
  const slack = 60 + 4 * setting.delay.most + down * 0.001;
  const guards = guardsOf(setting, routers, lease);
  const startup = most(({ startupDelay }) => startupDelay);
  // Where one stays deaf on a path each may hear the other on another one just then, and both give way.
  const deaf = setting.faults.some(({ fault, at }) => fault === 'cut' && at === setting.calmAt);
  // What was held up on the way still comes, from one perhaps that has stopped meanwhile.
  const heldUp = Math.max(0, ...setting.faults.map((fault) => (fault.fault === 'jitter' ? fault.most : 0)));
  const oneAt =
    setting.calmAt + heldUp + startup + (deaf ? 2 : 1) * down + most(releaseWait) + slack + guards;
  const quietAt = oneAt + most(({ preemptDelay }) => preemptDelay) + 2 * (down + slack) + guards;
  return { down, lease, meeting: interval + slack, oneAt, quietAt, end: quietAt + 6 * interval + 500 };
}

/** What a probe, the arbiter and a fence agent may take before a backup may act. */
function guardsOf(
  { arbiter, ttl, fencing }: Setting,
  routers: readonly VirtualRouter[],
  lease: number,
): number {
  let wait = routers.some(({ probe }) => probe === 'before') ? lease + 100 : 0;
  if (arbiter !== undefined) wait += ttl + lease + 3500;
  if (fencing !== undefined) wait += 2 * (3000 + (fencing.takeOverAfter ?? 0)) + 11_000;
  return wait;
}
