/** A director against any sequence of events: it never throws, and what must always hold holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instant, instant } from '../../src/model/units.ts';
import { Director } from '../../src/vrrp/director/director.ts';
import type { DirectorEvent, Order } from '../../src/vrrp/director/event.ts';
import { explain } from '../../src/vrrp/director/explain.ts';
import { holdsAddresses } from '../../src/vrrp/machine.ts';
import { configure, type Happening, happening, moved } from './director-happenings.ts';

/** What a kernel would hold after these orders. */
function apply(held: Set<string>, orders: readonly Order[]): void {
  for (const order of orders) {
    if (order.order !== 'act') continue;
    const { action, key: of } = order;
    if (action.action === 'install-addresses' || action.action === 'renew-addresses') held.add(of);
    else if (action.action === 'remove-addresses') held.delete(of);
  }
}

function check(director: Director, held: ReadonlySet<string>, now: Instant): void {
  for (const member of director.members()) {
    const unit = director.unitOf(member.key);
    if (unit === undefined) throw new Error(`${member.key} without a unit`);
    expect(explain(member, unit, now)).not.toBe('');
    if (!holdsAddresses(member.state)) expect(held.has(member.key)).toBe(false);
    if (member.state.name !== 'active' || member.leaving) continue;
    const apart = unit.members.filter((other) => !other.leaving && !holdsAddresses(other.state));
    expect(apart.map((other) => other.key)).toEqual([]);
  }
}

/** A director, what its kernel holds, and the time. */
class Bench {
  readonly director = new Director();
  readonly held = new Set<string>();
  now = instant(10_000);

  tell(event: DirectorEvent): void {
    apply(this.held, this.director.handle(moved(event, this.now), this.now));
  }

  play({ wait, toDeadline, event }: Happening): void {
    const { deadline } = this.director;
    const then = toDeadline && deadline !== undefined ? deadline : this.now + wait;
    this.now = instant(Math.max(this.now, then));
    this.tell(event);
  }

  check(): void {
    check(this.director, this.held, this.now);
  }
}

/** Ms: a successor is waited for a little longer than the longest interval, and that before a hand-over is repeated. */
const LONGEST_END = 100_000;
const ALL = fc.array(happening, { maxLength: 60 });

describe('any sequence of events', () => {
  it('leaves a director whole: backups hold nothing, units are active together', () => {
    fc.assert(
      fc.property(configure, ALL, (first, happenings) => {
        const bench = new Bench();
        bench.tell(first);
        for (const each of happenings) {
          bench.play(each);
          bench.check();
        }
        bench.tell({ type: 'abandon', reason: 'over' });
        expect(bench.director.ended).toBe(true);
        expect([...bench.held]).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('is done with the present once the timer was served', () => {
    fc.assert(
      fc.property(configure, fc.array(happening, { maxLength: 40 }), (first, happenings) => {
        const bench = new Bench();
        bench.tell(first);
        for (const each of happenings) {
          bench.play(each);
          // What is granted at the first may have its own deadline at the same time, and that is the end of it.
          for (let i = 0; i < 3; i++) bench.tell({ type: 'timer' });
          const { deadline } = bench.director;
          if (deadline !== undefined) expect(deadline).toBeGreaterThan(bench.now);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does not keep a director from ending once it is told to stop', () => {
    fc.assert(
      fc.property(configure, ALL, fc.nat(60), (first, happenings, before) => {
        const bench = new Bench();
        bench.tell(first);
        for (const each of happenings.slice(0, before)) bench.play(each);
        bench.tell({ type: 'stop', reason: 'over' });
        for (const each of happenings.slice(before)) {
          if (bench.director.ended) break;
          bench.play(each);
          bench.check();
        }
        const since = bench.now;
        while (!bench.director.ended && bench.now - since < LONGEST_END)
          bench.play({ wait: LONGEST_END, toDeadline: true, event: { type: 'timer' } });
        expect(bench.director.ended).toBe(true);
        expect([...bench.held]).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
