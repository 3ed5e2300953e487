/** What the rules do over time: the beat of adverts, announcements, renewals, and changes of the parameters. */
import { describe, expect, it } from 'vitest';
import { centiseconds } from '../../../src/model/units.ts';
import {
  describeState,
  type Event,
  mustHearFirst,
  nextDeadline,
  type Parameters,
  type State,
  step,
} from '../../../src/vrrp/machine.ts';
import { advert, at, brief, parametersOf, play, prefix, START, VIP } from './support.ts';

const timer: Event = { event: 'timer' };
const ordinary = parametersOf();
const active = play(ordinary, [[0, { event: 'resume' }]]).state;
const backup = play(ordinary, [[0, { event: 'startup' }]]).state;

/** Fires every timer until `end`, each `lateness` ms late; gives the time of every action of the kind. */
function times(
  from: State,
  action: string,
  end: number,
  parameters = ordinary,
  lateness = 0,
): readonly number[] {
  const found: number[] = [];
  let state = from;
  for (;;) {
    const deadline = nextDeadline(state);
    if (deadline === undefined || deadline - START > end) return found;
    const now = at(deadline - START + lateness);
    const next = step(state, timer, now, parameters);
    state = next.state;
    if (next.actions.some((done) => done.action === action)) found.push(now - START);
  }
}

const change = (state: State, time: number, changes: Partial<Parameters>, previous = ordinary) =>
  step(state, { event: 'parameters-changed', previous }, at(time), { ...previous, ...changes });

describe('an active router over time', () => {
  it('advertises without drift, however late its timers are', () => {
    expect(times(active, 'send-advert', 5500, ordinary, 7)).toEqual([1007, 2007, 3007, 4007, 5007]);
  });

  it('makes up for a stall with one advert, never with a burst', () => {
    const woken = step(active, timer, at(2500), ordinary);
    expect(brief(woken.actions)).toBe('advert 100, renew .254 for 4s, announce .254');
    expect(times(woken.state, 'send-advert', 4600)).toEqual([3500, 4500]);
  });

  it('claims the addresses anew when it was silent for so long that a backup may have taken them', () => {
    const quiet = times(active, 'announce', 6000).length;
    expect(quiet).toBe(9);
    let settled = active;
    for (let i = 0; i < 40; i++)
      settled = step(settled, timer, nextDeadline(settled) ?? at(0), ordinary).state;
    const stalled = (nextDeadline(settled) ?? 0) - START + 2000;
    expect(brief(step(settled, timer, at(stalled), ordinary).actions)).toBe(
      'advert 100, renew .254 for 4s, announce .254',
    );
    expect(brief(step(settled, timer, at(stalled - 1), ordinary).actions)).toBe(
      'advert 100, renew .254 for 4s',
    );
  });

  it('renews the lease after such a silence even where that is not due', () => {
    const fast = parametersOf({ advertInterval: centiseconds(1) });
    const quick = play(fast, [[0, { event: 'resume' }]]).state;
    expect(brief(step(quick, timer, at(30), fast).actions)).toBe('advert 100, renew .254 for 1s');
    expect(brief(step(quick, timer, at(29), fast).actions)).toBe('advert 100');
  });

  it('announces five times and five times more after 5 s', () => {
    expect(times(active, 'announce', 9000)).toEqual([100, 200, 300, 400, 5000, 5100, 5200, 5300, 5400]);
  });

  it('renews the lease with every advert, and not more often than four times a second', () => {
    expect(times(active, 'renew-addresses', 3000)).toEqual([1000, 2000, 3000]);
    const fast = parametersOf({ advertInterval: centiseconds(1) });
    const quick = play(fast, [[0, { event: 'resume' }]]).state;
    expect(times(quick, 'renew-addresses', 600, fast)).toEqual([250, 500]);
    expect(times(quick, 'send-advert', 30, fast)).toEqual([10, 20, 30]);
  });

  it('renews with an advert where these are fast, never between two, and never later than it was due', () => {
    const fast = parametersOf({ advertInterval: centiseconds(10) });
    const quick = play(fast, [[0, { event: 'resume' }]]).state;
    expect(times(quick, 'renew-addresses', 1000, fast)).toEqual([200, 400, 600, 800, 1000]);
    expect(times(quick, 'renew-addresses', 900, fast, 3)).toEqual([203, 403, 603, 803]);
  });

  it('answers a flood of lower adverts with an advert every 10 ms at most, and an announcement every 100 ms', () => {
    let state = active;
    const counts = { 'send-advert': 0, announce: 0 };
    for (let i = 1; i <= 10_000; i++) {
      for (const event of [advert(99), timer]) {
        const next = step(state, event, at(i / 10), ordinary);
        state = next.state;
        for (const { action } of next.actions) {
          if (action === 'send-advert' || action === 'announce') counts[action]++;
        }
      }
    }
    expect(state.name).toBe('active');
    expect(counts['send-advert']).toBeLessThanOrEqual(101);
    expect(counts['send-advert']).toBeGreaterThan(90);
    expect(counts.announce).toBe(10);
  });
});

describe('a router that lets go', () => {
  const releasing = step(active, { event: 'shutdown', reason: 'stopped' }, at(0), ordinary).state;

  it('says so three times, and serves until the skew of priority 1 is over', () => {
    expect(times(releasing, 'send-advert', 5000)).toEqual([100, 200]);
    expect(times(releasing, 'remove-addresses', 5000)).toEqual([1300]);
  });

  it('is silent once the successor has spoken', () => {
    const { state } = step(releasing, advert(1), at(50), ordinary);
    expect(times(state, 'send-advert', 5000)).toEqual([]);
    expect(times(state, 'remove-addresses', 5000)).toEqual([55]);
  });

  it('is silent at once, also where the next repetition is nearer than the end', () => {
    const fast = parametersOf({ advertInterval: centiseconds(1) });
    const begun = play(fast, [
      [0, { event: 'resume' }],
      [0, { event: 'shutdown', reason: 'stopped' }],
    ]).state;
    expect(times(begun, 'send-advert', 500, fast)).toEqual([2, 4]);
    const { state } = step(begun, advert(1), at(1), fast);
    expect(times(state, 'send-advert', 500, fast)).toEqual([]);
  });

  it('names the first that spoke as its successor', () => {
    const heard = step(releasing, advert(1), at(50), ordinary).state;
    const twice = step(heard, advert(200, '10.1.1.13'), at(52), ordinary).state;
    expect(step(twice, timer, at(55), ordinary).state.reason).toBe('stopped: 10.1.1.12 took over');
  });

  it('counts as active in status, and says that it is releasing', () => {
    expect(describeState(releasing, ordinary)).toMatchObject({ state: 'active', releasing: true });
  });
});

describe('an owner that lets go', () => {
  const owner = parametersOf({ priority: 255 });
  const succeeded = play(owner, [
    [0, { event: 'startup' }],
    [0, { event: 'shutdown', reason: 'stopped' }],
    [40, advert(100)],
  ]).state;

  it('goes when its successor has spoken', () => {
    expect(times(succeeded, 'remove-addresses', 5000, owner)).toEqual([45]);
  });

  it('is active again at once when it is started again', () => {
    const again = step(succeeded, { event: 'startup' }, at(42), owner);
    expect(again.state).toMatchObject({ name: 'active', reason: 'started again: owner of the addresses' });
  });
});

describe('what waits in the socket', () => {
  it('is heard before a backup or a router that lets go decides', () => {
    const releasing = step(active, { event: 'shutdown', reason: 'stopped' }, at(0), ordinary).state;
    expect(mustHearFirst(backup, at(10), ordinary)).toBe(true);
    expect(mustHearFirst(releasing, at(10), ordinary)).toBe(true);
  });

  it('does not delay a regular advert, but one that is so late that somebody may have taken over', () => {
    expect(mustHearFirst(active, at(1000), ordinary)).toBe(false);
    expect(mustHearFirst(active, at(2999), ordinary)).toBe(false);
    expect(mustHearFirst(active, at(3000), ordinary)).toBe(true);
  });
});

describe('changed parameters', () => {
  it('take an address from a backup that is new to it, since it may be there already', () => {
    const two = { addresses: [VIP, prefix('10.1.1.253')] };
    expect(brief(change(backup, 100, two).actions)).toBe('remove .253');
    expect(brief(change(backup, 100, { addresses: [] }).actions)).toBe('');
  });

  it('measure the timer of a backup anew from where it began', () => {
    expect((nextDeadline(change(backup, 500, { priority: 200 }).state) ?? 0) - START).toBe(3218.75);
    expect((nextDeadline(change(backup, 500, { advertInterval: centiseconds(10) }).state) ?? 0) - START).toBe(
      500,
    );
  });

  it('leave an adopted interval alone', () => {
    const { state } = step(backup, advert(150, '10.1.1.12', 10), at(0), ordinary);
    const changed = change(state, 100, { advertInterval: centiseconds(200) }).state;
    expect((nextDeadline(changed) ?? 0) - START).toBe(360.9375);
  });

  it('make the owner active at once', () => {
    expect(brief(change(backup, 5, { priority: 255 }).actions)).toBe(
      'advert 255, install .254 for 4s, announce .254, routes, backup>active',
    );
  });

  it('are advertised at once by the active router, with the addresses as a difference', () => {
    const other = prefix('10.1.1.253');
    expect(brief(change(active, 50, { addresses: [VIP, other] }).actions)).toBe(
      'advert 100, install .253 for 4s, announce .253',
    );
    expect(brief(change(active, 50, { addresses: [other] }).actions)).toBe(
      'advert 100, install .253 for 4s, announce .253, remove .254',
    );
    expect(brief(change(active, 50, { priority: 120 }).actions)).toBe('advert 120');
    expect(brief(change(active, 50, { advertInterval: centiseconds(1000) }).actions)).toBe(
      'advert 100, renew .254 for 40s',
    );
    expect(change(active, 50, { addresses: [{ ...VIP }] }).actions).toEqual([]);
    expect(change(active, 50, { preempt: false }).state).toBe(active);
  });

  it('take an address from a router that lets go, and give it none', () => {
    const both = parametersOf({ addresses: [VIP, prefix('10.1.1.253')] });
    const { state } = step(active, { event: 'shutdown', reason: 'stopped' }, at(0), both);
    expect(brief(change(state, 5, { addresses: [VIP, prefix('10.1.1.252')] }, both).actions)).toBe(
      'remove .253',
    );
  });
});

describe('what status tells', () => {
  it('is the active router, also of a backup', () => {
    expect(describeState(active, ordinary).activeRouter).toEqual({ address: '10.1.1.11', priority: 100 });
    expect(describeState(backup, ordinary).activeRouter).toBeUndefined();
    const { state } = step(backup, advert(150), at(5), ordinary);
    expect(describeState(state, ordinary).activeRouter).toEqual({ address: '10.1.1.12', priority: 150 });
  });
});
