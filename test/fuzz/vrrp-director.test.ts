/** A director against any sequence of events: it never throws, and what must always hold holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromBytes } from '../../src/model/address.ts';
import type { TrackUse } from '../../src/model/tracking.ts';
import { centiseconds, type Instant, instant, milliseconds } from '../../src/model/units.ts';
import { Director } from '../../src/vrrp/director/director.ts';
import type { DirectorEvent, Order } from '../../src/vrrp/director/event.ts';
import { explain } from '../../src/vrrp/director/explain.ts';
import { holdsAddresses } from '../../src/vrrp/machine.ts';
import { DOWN, NO_NOTIFY, routerOf, UP } from '../unit/vrrp/director/support.ts';
import { ip, prefix } from '../unit/vrrp/support.ts';

const KEYS = ['eth0 51 ipv4', 'eth1 52 ipv4', 'eth1 52 ipv6', 'eth2 53 ipv4', 'eth9 99 ipv4'] as const;
const UNITS = ['group/g', 'router/vip1', 'router/vip2', 'router/vip3', 'router/gone'] as const;
const NAMES = ['vip1', 'vip2', 'vip3', 'gone'] as const;

const host = fc.integer({ min: 9, max: 15 }).map((last) => addressFromBytes(Uint8Array.of(10, 1, 1, last)));
const key = fc.constantFrom(...KEYS);
const some = <T>(list: readonly T[]) => fc.subarray([...list]);

const use: fc.Arbitrary<TrackUse> = fc.record({
  kind: fc.constant('script' as const),
  name: fc.constantFrom('x', 'y'),
  weight: fc.constantFrom(undefined, -50, 20),
  inverse: fc.boolean(),
});

const router = (number: number) =>
  fc
    .record({
      priority: fc.integer({ min: 1, max: 255 }),
      advertInterval: fc.constantFrom(1, 10, 100, 4095).map(centiseconds),
      downAdverts: fc.integer({ min: 1, max: 5 }),
      preempt: fc.boolean(),
      preemptDelay: fc.constantFrom(0, 3000).map(milliseconds),
      startupDelay: fc.constantFrom(0, 3000).map(milliseconds),
      probe: fc.constantFrom('before' as const, 'beside' as const, 'off' as const),
      track: fc.array(use, { maxLength: 2 }),
    })
    .map((changes) => {
      const addresses = [prefix(`10.1.1.${250 + number}`)];
      if (number === 2) addresses.push(prefix('fe80::254', 64));
      return routerOf(number, { ...changes, addresses });
    });

const configure: fc.Arbitrary<DirectorEvent> = fc
  .record({
    routers: fc.tuple(router(1), router(2), router(3)).chain((all) => some(all)),
    grouped: fc.boolean(),
    arbiter: fc.constantFrom(undefined, { directors: 2 }, { directors: 3 }),
    fencing: fc.constantFrom(undefined, { takeOverAfter: undefined }, { takeOverAfter: milliseconds(2000) }),
    resume: some(KEYS),
    standby: some(NAMES),
    up: some(KEYS),
  })
  .map(({ routers, grouped, arbiter, fencing, resume, standby, up }) => ({
    type: 'configure',
    network: {
      routers,
      groups: grouped ? [{ name: 'g', members: ['vip1', 'vip2'], track: [], notify: NO_NOTIFY }] : [],
      arbiter,
      fencing,
    },
    conditions: Object.fromEntries(KEYS.map((each) => [each, up.includes(each) ? UP : DOWN])),
    resume,
    standby,
  }));

const advert: fc.Arbitrary<DirectorEvent> = fc.record({
  type: fc.constant('advert' as const),
  key,
  path: fc.integer({ min: 0, max: 2 }),
  source: host,
  local: host,
  advertisement: fc.record({
    version: fc.constant(3 as const),
    vrid: fc.constant(51),
    priority: fc.oneof(fc.constantFrom(0, 255), fc.nat(255)),
    maxAdvertiseInterval: fc.constantFrom(1, 10, 100, 4095).map(centiseconds),
    addresses: fc.constant([]),
  }),
});

/** Of these the time is given later: it counts from the moment. */
const plain = (now: Instant): fc.Arbitrary<DirectorEvent> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<DirectorEvent>({ type: 'timer' }) },
    { weight: 6, arbitrary: advert },
    { weight: 3, arbitrary: configure },
    fc.constant<DirectorEvent>({ type: 'stalls' }),
    fc.record({ type: fc.constant('condition' as const), key, condition: fc.constantFrom(UP, DOWN) }),
    fc.record({
      type: fc.constant('presence' as const),
      key,
      path: fc.nat(2),
      source: host,
      priority: fc.nat(255),
      asks: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('verdicts' as const),
      verdicts: fc.array(
        fc.record({
          kind: fc.constant('script' as const),
          name: fc.constantFrom('x', 'y'),
          state: fc.constantFrom('up' as const, 'down' as const, 'unknown' as const),
          value: fc.constant(1),
          reason: fc.constant('because'),
        }),
      ),
    }),
    key.map((of): DirectorEvent => ({ type: 'addresses-lost', key: of, addresses: [prefix('10.1.1.251')] })),
    key.map((of): DirectorEvent => ({ type: 'claim', key: of, address: ip('10.1.1.251'), mac: '02::1' })),
    fc.record({
      type: fc.constant('lease' as const),
      unit: fc.constantFrom(...UNITS),
      heldUntil: fc
        .constantFrom(undefined, 0, 900, 5000)
        .map((wait) => (wait === undefined ? undefined : instant(now + wait))),
      contended: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('fenced' as const),
      id: fc.integer({ min: 1, max: 4 }),
      done: fc.boolean(),
      reason: fc.constant('because'),
    }),
    fc.record({
      type: fc.constant('handover' as const),
      id: fc.nat(),
      names: some(NAMES),
      stayDown: fc.boolean(),
    }),
    fc.record({ type: fc.constant('restore' as const), names: some(NAMES) }),
  );

interface Happening {
  readonly wait: number;
  readonly toDeadline: boolean;
  readonly event: DirectorEvent;
}

/** A lease is told in time that counts from the event, so its events are made relative to 0 and moved. */
const happening: fc.Arbitrary<Happening> = fc.record({
  wait: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5000, noNaN: true })),
  toDeadline: fc.boolean(),
  event: plain(instant(0)),
});

const moved = (event: DirectorEvent, now: Instant): DirectorEvent =>
  event.type === 'lease' && event.heldUntil !== undefined
    ? { ...event, heldUntil: instant(event.heldUntil + now) }
    : event;

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

describe('any sequence of events', () => {
  it('leaves a director whole: backups hold nothing, units are active together', () => {
    fc.assert(
      fc.property(configure, fc.array(happening, { maxLength: 60 }), (first, happenings) => {
        const director = new Director();
        const held = new Set<string>();
        let now = instant(10_000);
        apply(held, director.handle(first, now));
        for (const { wait, toDeadline, event } of happenings) {
          const { deadline } = director;
          now = instant(Math.max(now, toDeadline && deadline !== undefined ? deadline : now + wait));
          apply(held, director.handle(moved(event, now), now));
          check(director, held, now);
        }
        director.handle({ type: 'abandon', reason: 'over' }, now);
        expect(director.ended).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is done with the present once the timer was served', () => {
    fc.assert(
      fc.property(configure, fc.array(happening, { maxLength: 40 }), (first, happenings) => {
        const director = new Director();
        let now = instant(10_000);
        director.handle(first, now);
        for (const { wait, toDeadline, event } of happenings) {
          const { deadline } = director;
          now = instant(Math.max(now, toDeadline && deadline !== undefined ? deadline : now + wait));
          director.handle(moved(event, now), now);
          // What is granted at the first may have its own deadline at the same time, and that is the end of it.
          for (let i = 0; i < 3; i++) director.handle({ type: 'timer' }, now);
          if (director.deadline !== undefined) expect(director.deadline).toBeGreaterThan(now);
        }
      }),
      { numRuns: 500 },
    );
  });
});
