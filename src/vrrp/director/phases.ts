/**
 * When within its interval each of many virtual routers advertises. A director that dies becomes silent for all of
 * them at once, and a backup takes each over one activeDownInterval after the last advert that it heard. Had these all
 * come together, hundreds of virtual routers would be due in one moment, and each would wait for the work of all of
 * them. So the adverts of many are spread over the interval, a few together: the other director then takes over a few
 * at a time, and nobody wakes for every single one.
 *
 * RFC 9568 section 6.4.3 sets the advertTimer to the interval. It is never set longer here, and shorter only once after
 * it began anew, to come into phase: a backup counts from what it hears, so an early advert puts nobody at risk. The
 * phases are those of the clock, whenever a virtual router became active: after a take-over group by group the groups
 * are as far apart as before, however often that happens.
 */
import {
  after,
  type Centiseconds,
  centisecondsToMilliseconds,
  type Instant,
  instant,
  type Milliseconds,
  milliseconds,
} from '../../model/units.ts';
import { earlier, SHORTEST_INTERVAL } from '../timers.ts';

/**
 * As many or fewer virtual routers of one interval are not spread, and no more are together where the interval has room.
 * Of 255 at 1 s the last is announced 3 ms after its time instead of 7 to 14 (keepalived: 1 to 2), and the
 * process wakes eight times a second for it.
 */
const MOST_TOGETHER = 32;
/**
 * Groups are not closer than this, since each costs its turn: of 255 at 100 ms the last is announced 3 ms after its
 * time by four groups (one: 9; keepalived: 5), 2 ms by sixteen, which take twice the CPU of one.
 */
const LEAST_APART = milliseconds(25);

interface Advertiser {
  readonly router: { readonly advertInterval: Centiseconds };
}

/**
 * How far from the beginning of its interval each member advertises; those that are not spread are left out. Members
 * of one unit with the same interval have the same phase. The same units in the same order give the same phases.
 */
export function phasesOf<Of extends Advertiser>(
  units: readonly (readonly Of[])[],
): ReadonlyMap<Of, Milliseconds> {
  const phases = new Map<Of, Milliseconds>();
  for (const advertInterval of new Set(units.flat().map(({ router }) => router.advertInterval))) {
    const interval = centisecondsToMilliseconds(advertInterval);
    const alike = units.map((unit) => unit.filter(({ router }) => router.advertInterval === advertInterval));
    const groups = grouped(alike, interval);
    if (groups.length < 2) continue;
    for (const [index, members] of groups.entries()) {
      for (const member of members) phases.set(member, milliseconds((index * interval) / groups.length));
    }
  }
  return phases;
}

/** Whole units, in their order, until a group is full. */
function grouped<Of>(units: readonly (readonly Of[])[], interval: Milliseconds): readonly (readonly Of[])[] {
  const most = Math.max(1, Math.floor(interval / LEAST_APART));
  const size = Math.max(MOST_TOGETHER, Math.ceil(units.flat().length / most));
  const groups: Of[][] = [];
  for (const unit of units) {
    const last = groups.at(-1);
    if (last !== undefined && last.length + unit.length <= size) last.push(...unit);
    else if (unit.length > 0) groups.push([...unit]);
  }
  return groups;
}

/** Of an interval: what an instant may lose in calculations. */
const ROUNDING = 1e-6;

/**
 * When the next advert is sent that is due at `next`: at the last moment of this phase before that, never later. Two
 * adverts are not brought closer than the shortest interval: where they would be, one comes half an interval early,
 * and the one after it is in phase.
 */
export function inPhase(next: Instant, now: Instant, interval: Milliseconds, phase: Milliseconds): Instant {
  const intervals = Math.floor((next - phase) / interval + ROUNDING);
  const moment = earlier(instant(phase + intervals * interval), next);
  const soonest = after(now, SHORTEST_INTERVAL);
  if (moment === next || moment >= soonest) return moment;
  const halfway = instant(next - interval / 2);
  return halfway >= soonest ? halfway : next;
}
