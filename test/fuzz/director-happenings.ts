/** Whatever may happen to a director, in any order: for fast-check. */
import fc from 'fast-check';
import { addressFromBytes, familyOf } from '../../src/model/address.ts';
import type { TrackUse } from '../../src/model/tracking.ts';
import { centiseconds, type Instant, instant, milliseconds } from '../../src/model/units.ts';
import type { DirectorEvent } from '../../src/vrrp/director/event.ts';
import { DOWN, NO_NOTIFY, routerOf, UP } from '../unit/vrrp/director/support.ts';
import { ip, prefix } from '../unit/vrrp/support.ts';

const KEYS = [
  ...(['eth0 51 ipv4', 'eth1 52 ipv4', 'eth1 52 ipv6', 'eth2 53 ipv4', 'eth2 53 ipv6'] as const),
  ...(['eth5 51 ipv4', 'eth5 52 ipv4', 'eth5 52 ipv6', 'eth9 99 ipv4'] as const),
];
const UNITS = ['group/g', 'group/h', 'router/vip1', 'router/vip2', 'router/vip3', 'router/gone'] as const;
const NAMES = ['vip1', 'vip2', 'vip3', 'gone'] as const;

interface Grouping {
  readonly name: string;
  readonly members: readonly string[];
}
const grouping = (name: string, ...numbers: readonly number[]): Grouping => ({
  name,
  members: numbers.map((number) => `vip${number}`),
});
const GROUPINGS: readonly (readonly Grouping[])[] = [
  [],
  [],
  [grouping('g', 1, 2)],
  [grouping('g', 1, 2)],
  [grouping('g', 1, 2, 3)],
  [grouping('g', 2, 3)],
  [grouping('h', 1, 2)],
  [grouping('h', 3), grouping('g', 1, 2)],
  [grouping('g', 1), grouping('h', 2, 3)],
];
const CONDITIONS = [
  ...[UP, DOWN, { ...UP, source: ip('10.1.1.12') }, { ...UP, room: 1 }],
  { ...UP, source: undefined, obstacle: 'it has no address' },
];

const host = fc.integer({ min: 9, max: 15 }).map((last) => addressFromBytes(Uint8Array.of(10, 1, 1, last)));
const key = fc.constantFrom(...KEYS);
const some = <T>(list: readonly T[]) => fc.subarray([...list]);

const use: fc.Arbitrary<TrackUse> = fc.record({
  kind: fc.constant('script' as const),
  name: fc.constantFrom('x', 'y'),
  weight: fc.constantFrom(undefined, -50, 20),
  inverse: fc.boolean(),
});

/** Of each number some addresses, of one family or both. */
const addressesOf = (number: number) =>
  fc
    .constantFrom([0], [0, 1], [0, 6], [0, 1, 6], ...(number === 1 ? [] : [[6]]))
    .map((which) =>
      which.map((each) =>
        each === 6 ? prefix('fe80::254', 64) : prefix(`10.1.1.${250 + number - 10 * each}`),
      ),
    );

/** Now and then it moves to another interface, which makes it another instance; VRRPv2 has whole seconds, and IPv4 alone. */
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
      addresses: addressesOf(number),
      links: fc.constantFrom(['eth0'], ['eth0', 'eth1'], ['eth0', 'eth1', 'eth2']),
      moved: fc.constantFrom(false, false, false, false, number < 3),
      wantsV2: fc.constantFrom(false, false, false, true),
    })
    .map(({ links, moved, wantsV2, ...changes }) => {
      const own = moved ? 'eth5' : `eth${number - 1}`;
      const pathOn = (link: string) => ({
        interface: link,
        transport: 'vrrp' as const,
        peers: [],
        source: [],
        port: 0,
      });
      const heartbeat = [pathOn(own), ...links.slice(1).map(pathOn)] as const;
      const isV2 = wantsV2 && changes.addresses.every(({ address }) => familyOf(address) === 'ipv4');
      const shape = isV2 ? { version: 2 as const, advertInterval: centiseconds(100) } : {};
      return routerOf(number, { ...changes, ...shape, interface: own, heartbeat });
    });

export const configure: fc.Arbitrary<DirectorEvent> = fc
  .record({
    routers: fc.tuple(router(1), router(2), router(3)).chain((all) => some(all)),
    groups: fc.constantFrom(...GROUPINGS),
    groupTrack: fc.array(use, { maxLength: 1 }),
    arbiter: fc.constantFrom(undefined, { directors: 2 }, { directors: 3 }),
    fencing: fc.constantFrom(undefined, { takeOverAfter: undefined }, { takeOverAfter: milliseconds(2000) }),
    resume: some(KEYS),
    standby: some(NAMES),
    up: fc.oneof(some(KEYS), fc.constant([...KEYS])),
  })
  .map(({ routers, groups, groupTrack: track, arbiter, fencing, resume, standby, up }) => ({
    type: 'configure',
    network: {
      routers,
      groups: groups.map(({ name, members }) => ({ name, members, track, notify: NO_NOTIFY })),
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
    version: fc.constantFrom(2 as const, 3 as const, 3 as const),
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
    fc.record({ type: fc.constant('condition' as const), key, condition: fc.constantFrom(...CONDITIONS) }),
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
    key.map(
      (of): DirectorEvent => ({
        type: 'addresses-found',
        key: of,
        addresses: [prefix('10.1.1.251'), prefix('10.1.1.252')],
      }),
    ),
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
      id: fc.integer({ min: 1, max: 12 }),
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

export interface Happening {
  readonly wait: number;
  readonly toDeadline: boolean;
  readonly event: DirectorEvent;
}

/** A lease is told in time that counts from the event, so its events are made relative to 0 and moved. */
export const happening: fc.Arbitrary<Happening> = fc.record({
  wait: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5000, noNaN: true })),
  toDeadline: fc.boolean(),
  event: plain(instant(0)),
});

export const moved = (event: DirectorEvent, now: Instant): DirectorEvent =>
  event.type === 'lease' && event.heldUntil !== undefined
    ? { ...event, heldUntil: instant(event.heldUntil + now) }
    : event;
