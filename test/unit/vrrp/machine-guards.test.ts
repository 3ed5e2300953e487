/** Golden steps of what RFC 9568 does not know: asking leave, standby, faults, hand-overs, delays, an arbiter. */
import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../../src/model/units.ts';
import {
  type Event,
  hasStalled,
  initialState,
  nextDeadline,
  type Parameters,
  type State,
  step,
} from '../../../src/vrrp/machine.ts';
import { advert, at, brief, parametersOf, play, START } from './support.ts';

const DOWN = 3609.375;
const timer: Event = { event: 'timer' };
const ordinary = parametersOf();
const asking = parametersOf({ asks: true });
const standby = parametersOf({ standby: true });
const exclusive = parametersOf({ asks: true, exclusive: true });
const delayed = parametersOf({ preemptDelay: milliseconds(10_000) });
const slow = parametersOf({ startupDelay: milliseconds(20_000) });

const handover = (ifNobody: 'active' | 'backup'): Event => ({
  event: 'handover',
  reason: 'by command',
  ifNobody,
});
const fault: Event = { event: 'fault', reason: 'script x: exit code 1' };
const cleared: Event = { event: 'cleared', reason: 'script x is up' };
const stepDown: Event = { event: 'step-down', reason: 'the lease is over' };
const stalled: Event = { event: 'stalled', reason: 'stood still' };
const refused: Event = { event: 'refused', reason: 'the fence failed' };

const backupOf = (parameters: Parameters): State => play(parameters, [[0, { event: 'startup' }]]).state;
const activeOf = (parameters: Parameters): State => play(parameters, [[0, { event: 'resume' }]]).state;
const asked = step(backupOf(asking), timer, at(DOWN), asking).state;
const releasing = (ifNobody: 'active' | 'backup') =>
  step(activeOf(ordinary), handover(ifNobody), at(50), ordinary).state;
const ENTRY = 'advert 100, install .254 for 4s, announce .254, routes';

interface Row {
  readonly from: State;
  readonly event: Event;
  readonly time: number;
  readonly parameters?: Parameters;
  readonly actions: string;
  readonly to: State['name'];
  /** When the next timer fires, after START. */
  readonly next: number | undefined;
}

const row = (
  from: State,
  event: Event,
  time: number,
  actions: string,
  to: State['name'],
  next: number | undefined,
  parameters = ordinary,
): Row => ({ from, event, time, actions, to, next, parameters });

const TABLE: Record<string, Row> = {
  'asks leave instead of becoming active': row(
    backupOf(asking),
    timer,
    DOWN,
    'ask leave',
    'backup',
    undefined,
    asking,
  ),
  'is active with leave': row(
    asked,
    { event: 'granted' },
    4000,
    `${ENTRY}, backup>active`,
    'active',
    4100,
    asking,
  ),
  'waits anew without leave': row(asked, refused, 4000, '', 'backup', 4000 + DOWN, asking),
  'wants it no more when the active router speaks': row(
    asked,
    advert(150),
    4000,
    '',
    'backup',
    4000 + DOWN,
    asking,
  ),
  'wants it all the same when a lesser one speaks': row(
    asked,
    advert(50),
    4000,
    '',
    'backup',
    undefined,
    asking,
  ),
  'takes no leave that it did not ask for': row(
    backupOf(asking),
    { event: 'granted' },
    5,
    '',
    'backup',
    DOWN,
    asking,
  ),
  'takes no leave on standby': row(
    asked,
    { event: 'granted' },
    4000,
    '',
    'backup',
    undefined,
    parametersOf({ asks: true, standby: true }),
  ),
  'stays a backup on standby': row(backupOf(standby), timer, DOWN, '', 'backup', 2 * DOWN, standby),
  'is not resumed on standby': row(
    initialState(START),
    { event: 'resume' },
    0,
    'no routes, remove .254, initialize>backup',
    'backup',
    DOWN,
    standby,
  ),
  'a fault holds a backup back': row(
    backupOf(ordinary),
    fault,
    5,
    'backup>initialize',
    'initialize',
    undefined,
  ),
  'a fault of the active router hands over': row(
    activeOf(ordinary),
    fault,
    50,
    'advert 0, renew .254 for 4s, active>releasing',
    'releasing',
    150,
  ),
  'a lost interface does not': row(
    activeOf(ordinary),
    { event: 'interface-lost', reason: 'interface eth0 is down' },
    50,
    'no routes, remove .254, active>initialize',
    'initialize',
    undefined,
  ),
  'is held back after the hand-over': row(
    step(activeOf(ordinary), fault, at(50), ordinary).state,
    timer,
    1150,
    'no routes, remove .254, releasing>initialize',
    'initialize',
    undefined,
  ),
  'goes on when the fault is gone before anybody came': row(
    step(step(activeOf(ordinary), fault, at(50), ordinary).state, cleared, at(60), ordinary).state,
    timer,
    1150,
    `${ENTRY}, releasing>active`,
    'active',
    1250,
  ),
  'a hand-over that was asked for ends active without a successor': row(
    releasing('active'),
    timer,
    1150,
    `${ENTRY}, releasing>active`,
    'active',
    1250,
  ),
  'one that must be does not': row(
    releasing('backup'),
    timer,
    1150,
    'no routes, remove .254, releasing>backup',
    'backup',
    1150 + DOWN,
  ),
  'nor one that had to be in the meantime': row(
    step(releasing('active'), handover('backup'), at(60), ordinary).state,
    timer,
    1150,
    'no routes, remove .254, releasing>backup',
    'backup',
    1150 + DOWN,
  ),
  'gives everything up at once where the leave is gone': row(
    activeOf(ordinary),
    stepDown,
    50,
    'no routes, remove .254, advert 0, active>backup',
    'backup',
    50 + DOWN,
  ),
  'also in a hand-over': row(
    releasing('active'),
    stepDown,
    60,
    'no routes, remove .254, no routes, remove .254, releasing>backup',
    'backup',
    60 + DOWN,
  ),
  'after a stall the addresses go, and a successor is missed as any other': row(
    activeOf(ordinary),
    stalled,
    9000,
    'no routes, remove .254, advert 0, active>backup',
    'backup',
    9000 + DOWN,
  ),
  'with an arbiter the addresses go before anybody is told': row(
    activeOf(exclusive),
    handover('active'),
    50,
    'no routes, remove .254, advert 0, active>backup',
    'backup',
    50 + DOWN,
    exclusive,
  ),
  'with an arbiter adverts are answered': row(
    backupOf(exclusive),
    advert(150),
    5,
    'presence',
    'backup',
    5 + DOWN,
    exclusive,
  ),
  'and whoever wants to preempt asks': row(
    step(backupOf(exclusive), timer, at(DOWN), exclusive).state,
    advert(50),
    4000,
    'request',
    'backup',
    undefined,
    exclusive,
  ),
  'a rival of its own priority changes nothing where another path decides': row(
    activeOf(ordinary),
    { ...advert(100), decidesTies: false },
    50,
    '',
    'active',
    100,
  ),
  'an address that is contested is announced again': row(
    activeOf(ordinary),
    { event: 'contested' },
    300,
    'announce .254',
    'active',
    400,
  ),
};

describe('a step of the state machine', () => {
  it.each(Object.entries(TABLE))('%s', (_name, { from, event, time, actions, to, next, parameters }) => {
    const result = step(from, event, at(time), parameters ?? ordinary);
    expect(brief(result.actions)).toBe(actions);
    expect(result.state.name).toBe(to);
    const deadline = nextDeadline(result.state);
    expect(deadline === undefined ? undefined : deadline - START).toBe(next);
  });
});

/** The time of the take-over of a backup that hears priority 50 every second, until `until`. */
function takesOverAt(parameters: Parameters, until: number): number | undefined {
  let state = backupOf(parameters);
  for (let time = 100; time < 40_000; time += 100) {
    if (time < until && time % 1000 === 0) state = step(state, advert(50), at(time), parameters).state;
    state = step(state, timer, at(time), parameters).state;
    if (state.name === 'active') return time;
  }
  return undefined;
}

describe('a lesser router', () => {
  it('is preempted when the timer runs out', () => {
    expect(takesOverAt(ordinary, 30_000)).toBe(3700);
  });

  it('is preempted when it has been heard for the delay', () => {
    expect(takesOverAt(delayed, 30_000)).toBe(11_000);
  });

  it('is succeeded at once when it falls silent before that', () => {
    expect(takesOverAt(delayed, 2500)).toBe(5700);
  });

  it('is never preempted without preemption', () => {
    expect(takesOverAt(parametersOf({ preempt: false }), 100_000)).toBeUndefined();
  });
});

describe('the startup delay', () => {
  it('is waited for, whatever is heard', () => {
    const state = backupOf(slow);
    expect(nextDeadline(state)).toBe(at(20_000));
    expect(nextDeadline(step(state, advert(0), at(100), slow).state)).toBe(at(20_000));
    expect(nextDeadline(step(state, advert(150), at(19_000), slow).state)).toBe(at(19_000 + DOWN));
  });

  it('does not hinder one that goes on for a dead predecessor', () => {
    expect(activeOf(slow).name).toBe('active');
  });
});

describe('a stall', () => {
  it('is more than others would wait for us', () => {
    expect(hasStalled(activeOf(ordinary), at(DOWN), ordinary)).toBe(false);
    expect(hasStalled(activeOf(ordinary), at(DOWN + 1), ordinary)).toBe(true);
    expect(hasStalled(backupOf(ordinary), at(99_999), ordinary)).toBe(false);
  });
});
