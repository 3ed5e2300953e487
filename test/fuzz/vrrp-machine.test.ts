/** The state machine against any sequence of events: it never throws, and what must always hold holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromBytes, formatPrefix, type Prefix } from '../../src/model/address.ts';
import { centiseconds, type Instant, instant, milliseconds } from '../../src/model/units.ts';
import type { Action } from '../../src/vrrp/action.ts';
import {
  type Event,
  holdsAddresses,
  initialState,
  nextDeadline,
  type Parameters,
  type State,
  step,
} from '../../src/vrrp/machine.ts';

const host = (last: number) => addressFromBytes(Uint8Array.of(10, 1, 1, last));
const prefixes: fc.Arbitrary<readonly Prefix[]> = fc
  .uniqueArray(fc.integer({ min: 250, max: 254 }), { minLength: 1, maxLength: 3 })
  .chain((lasts) => fc.tuple(fc.constant(lasts), fc.constantFrom(24, 32)))
  .map(([lasts, length]) => lasts.map((last) => ({ address: host(last), length })));

const parameters: fc.Arbitrary<Parameters> = fc.record({
  vrid: fc.constant(51),
  version: fc.constantFrom(2 as const, 3 as const),
  family: fc.constant('ipv4' as const),
  priority: fc.integer({ min: 1, max: 255 }),
  advertInterval: fc.oneof(fc.constantFrom(1, 10, 100), fc.integer({ min: 1, max: 4095 })).map(centiseconds),
  downAdverts: fc.integer({ min: 1, max: 10 }),
  preempt: fc.boolean(),
  preemptDelay: fc.constantFrom(0, 500, 60_000).map(milliseconds),
  startupDelay: fc.constantFrom(0, 500, 60_000).map(milliseconds),
  addresses: prefixes,
  announce: fc.record({
    count: fc.integer({ min: 1, max: 5 }),
    spacing: fc.constantFrom(0, 1, 100).map(milliseconds),
    delay: fc.constantFrom(0, 5000).map(milliseconds),
    delayedCount: fc.nat(5),
    refresh: fc.constantFrom(0, 1000).map(milliseconds),
    addressSpacing: fc.constant(milliseconds(0)),
  }),
  source: fc.constant(host(5)),
  room: fc.integer({ min: 1, max: 255 }),
  asks: fc.boolean(),
  standby: fc.boolean(),
  exclusive: fc.boolean(),
});

const advert: fc.Arbitrary<Event> = fc.record({
  event: fc.constant('advert' as const),
  source: fc.integer({ min: 1, max: 9 }).map(host),
  local: fc.constantFrom(4, 5, 6).map(host),
  decidesTies: fc.boolean(),
  advertisement: fc.record({
    version: fc.constantFrom(2 as const, 3 as const),
    vrid: fc.constant(51),
    priority: fc.oneof(fc.constantFrom(0, 255), fc.nat(255)),
    maxAdvertiseInterval: fc.nat(4095).map(centiseconds),
    addresses: fc.constant([]),
  }),
});

const plain: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Event>({ event: 'timer' }) },
  { weight: 2, arbitrary: fc.constant<Event>({ event: 'startup' }) },
  fc.constantFrom<Event>(
    { event: 'resume' },
    { event: 'shutdown', reason: 'stopped' },
    { event: 'stop', reason: 'stopped at once' },
    { event: 'interface-lost', reason: 'interface eth0 is down' },
    { event: 'interface-lost', reason: 'eth0 has no address' },
    { event: 'fault', reason: 'script x: exit code 1' },
    { event: 'cleared', reason: 'nothing is in the way any more' },
    { event: 'handover', reason: 'by command', ifNobody: 'active' },
    { event: 'handover', reason: 'in a group', ifNobody: 'backup' },
    { event: 'step-down', reason: 'the lease is over' },
    { event: 'stalled', reason: 'stood still' },
    { event: 'contested' },
    { event: 'unknown', reason: 'script x has not been looked at yet' },
    { event: 'granted' },
    { event: 'refused', reason: 'the fence failed' },
  ),
  prefixes.map((addresses): Event => ({ event: 'addresses-lost', addresses })),
  prefixes.map((addresses): Event => ({ event: 'addresses-found', addresses })),
);

type Happening =
  | { readonly wait: number; readonly toDeadline: boolean; readonly event: Event }
  | { readonly wait: number; readonly toDeadline: boolean; readonly change: Parameters };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      wait: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5000, noNaN: true })),
      toDeadline: fc.boolean(),
      event: fc.oneof(plain, advert),
    }),
  },
  fc.record({ wait: fc.nat(500), toDeadline: fc.boolean(), change: parameters }),
);

/** What a kernel would hold after these actions. */
function apply(held: Set<string>, actions: readonly Action[]): void {
  for (const action of actions) {
    if (action.action === 'remove-addresses') {
      for (const prefix of action.addresses) held.delete(formatPrefix(prefix));
    } else if (action.action === 'install-addresses' || action.action === 'renew-addresses') {
      for (const prefix of action.addresses) held.add(formatPrefix(prefix));
    }
  }
}

/** Plays the happenings and calls `check` after each step. */
function playAll(
  first: Parameters,
  happenings: readonly Happening[],
  check: (
    before: State,
    actions: readonly Action[],
    after: State,
    now: Instant,
    parameters: Parameters,
  ) => void,
): void {
  let current = first;
  let now = instant(0);
  let state: State = initialState(now);
  for (const next of happenings) {
    const deadline = nextDeadline(state);
    now = instant(Math.max(now, next.toDeadline && deadline !== undefined ? deadline : now + next.wait));
    const previous = current;
    if ('change' in next) current = next.change;
    const event: Event = 'change' in next ? { event: 'parameters-changed', previous } : next.event;
    const result = step(state, event, now, current);
    check(state, result.actions, result.state, now, current);
    state = result.state;
  }
}

const runs = { numRuns: 1500 };
const sequence = fc.array(happening, { maxLength: 60 });

describe('any sequence of events', () => {
  it('leaves a deadline that does not lie in the past, once the timer was served', () => {
    fc.assert(
      fc.property(parameters, sequence, (first, happenings) => {
        playAll(first, happenings, (_before, _actions, state, now, current) => {
          const served = step(state, { event: 'timer' }, now, current).state;
          const deadline = nextDeadline(served);
          if (deadline !== undefined) expect(deadline).toBeGreaterThan(now);
          const asks = served.name === 'backup' && served.askingSince !== undefined;
          if (deadline === undefined) expect(served.name === 'initialize' || asks).toBe(true);
        });
      }),
      runs,
    );
  });

  it('reports each change of state once, as the last action, and nothing else of the kind', () => {
    fc.assert(
      fc.property(parameters, sequence, (first, happenings) => {
        playAll(first, happenings, (before, actions, state) => {
          const reports = actions.filter(({ action }) => action === 'report');
          expect(reports.length).toBeLessThanOrEqual(1);
          if (before.name !== state.name) expect(reports.length).toBe(1);
          if (reports.length === 1) {
            expect(actions.at(-1)).toEqual({
              action: 'report',
              from: before.name,
              to: state.name,
              reason: state.reason,
            });
          }
        });
      }),
      runs,
    );
  });

  it('keeps the kernel in step: all addresses while active, none in backup and initialize', () => {
    fc.assert(
      fc.property(parameters, sequence, (first, happenings) => {
        const held = new Set<string>();
        playAll(first, happenings, (_before, actions, state, _now, current) => {
          apply(held, actions);
          const wanted = new Set<string>(current.addresses.map(formatPrefix));
          if (!holdsAddresses(state)) expect(held).toEqual(new Set());
          else if (state.name === 'active') expect(held).toEqual(wanted);
          else expect([...held].filter((prefix) => !wanted.has(prefix))).toEqual([]);
        });
      }),
      runs,
    );
  });

  it('advertises only what belongs to the state: own priority when active, 0 when letting go', () => {
    fc.assert(
      fc.property(parameters, sequence, (first, happenings) => {
        playAll(first, happenings, (before, actions, state, _now, current) => {
          const priorities = actions.flatMap((done) =>
            done.action === 'send-advert' ? [done.priority] : [],
          );
          expect(priorities.length).toBeLessThanOrEqual(1);
          for (const priority of priorities) {
            // Whoever gives way to a higher priority says who it was.
            const yields = actions.some((done) => done.action === 'rival' && done.outcome === 'lost');
            expect(priority).toBe(state.name === 'active' || yields ? current.priority : 0);
            expect(holdsAddresses(before) || state.name === 'active').toBe(true);
          }
          const announces = actions.some(({ action }) => action === 'announce');
          if (announces) expect(state.name).toBe('active');
        });
      }),
      runs,
    );
  });

  it('gives the same result for the same arguments, and changes none of them', () => {
    fc.assert(
      fc.property(parameters, sequence, (first, happenings) => {
        playAll(first, happenings, (before, actions, state, now, current) => {
          const copy = structuredClone(state);
          const event: Event = { event: 'timer' };
          expect(step(state, event, now, current)).toEqual(step(copy, event, now, structuredClone(current)));
          expect(state).toEqual(copy);
          expect(structuredClone({ before, actions })).toEqual({ before, actions });
        });
      }),
      { numRuns: 200 },
    );
  });
});
