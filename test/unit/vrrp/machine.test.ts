/** Golden steps: every state of RFC 9568 section 6.4 against every event, as a table. */
import { describe, expect, it } from 'vitest';
import {
  type Event,
  initialState,
  nextDeadline,
  type Parameters,
  type State,
  step,
} from '../../../src/vrrp/machine.ts';
import { advert, at, brief, parametersOf, play, prefix, START, VIP } from './support.ts';

const startup: Event = { event: 'startup' };
const timer: Event = { event: 'timer' };
const shutdown: Event = { event: 'shutdown', reason: 'stopped' };
const stop: Event = { event: 'stop', reason: 'stopped at once' };
const resume: Event = { event: 'resume' };
const lost: Event = { event: 'interface-lost', reason: 'interface eth0 is down' };
const regained: Event = { event: 'cleared', reason: 'interface eth0 is up' };
const addressesLost: Event = { event: 'addresses-lost', addresses: [VIP] };
const foreignLost: Event = { event: 'addresses-lost', addresses: [prefix('10.1.1.99')] };

/** skewTime of priority 100 at 1 s is 609.375 ms. */
const DOWN = 3609.375;
const ordinary = parametersOf();
const owner = parametersOf({ priority: 255 });
const patient = parametersOf({ preempt: false });

const fresh = initialState(START);
const held = play(ordinary, [
  [0, lost],
  [0, startup],
]).state;
const backup = play(ordinary, [[0, startup]]).state;
const following = play(ordinary, [
  [0, startup],
  [0, advert(150)],
]).state;
const active = play(ordinary, [[0, resume]]).state;
/** No longer waiting for the last word of the one that it preempted. */
const settled: State = { ...active, since: at(-2_000) };
const owning = play(owner, [[0, startup]]).state;
const releasing = play(ordinary, [
  [0, resume],
  [0, shutdown],
]).state;
const succeeded = step(releasing, advert(50), at(1), ordinary).state;

interface Row {
  readonly from: State;
  readonly event: Event;
  /** After START. */
  readonly time: number;
  readonly actions: string;
  readonly to: State['name'];
  /** When the next timer fires, after START. */
  readonly next: number | undefined;
  readonly parameters?: Parameters;
}

const ENTRY = 'advert 100, install .254 for 4s, announce .254, routes';

const TABLE: Record<string, Row> = {
  // 6.4.1 initialize
  'initialize, startup': {
    from: fresh,
    event: startup,
    time: 0,
    actions: 'no routes, remove .254, initialize>backup',
    to: 'backup',
    next: DOWN,
  },
  'initialize, startup of the owner': {
    from: fresh,
    event: startup,
    time: 0,
    actions: 'advert 255, install .254 for 4s, announce .254, routes, initialize>active',
    to: 'active',
    next: 100,
    parameters: owner,
  },
  'initialize, resume': {
    from: fresh,
    event: resume,
    time: 0,
    actions: `${ENTRY}, initialize>active`,
    to: 'active',
    next: 100,
  },
  'initialize, advert': {
    from: fresh,
    event: advert(150),
    time: 5,
    actions: '',
    to: 'initialize',
    next: undefined,
  },
  'initialize, timer': { from: fresh, event: timer, time: 5, actions: '', to: 'initialize', next: undefined },
  'initialize, shutdown': {
    from: fresh,
    event: shutdown,
    time: 5,
    actions: '',
    to: 'initialize',
    next: undefined,
  },
  'initialize, stop': { from: fresh, event: stop, time: 5, actions: '', to: 'initialize', next: undefined },
  'initialize, interface lost': {
    from: fresh,
    event: lost,
    time: 5,
    actions: '',
    to: 'initialize',
    next: undefined,
  },
  'initialize, interface regained': {
    from: fresh,
    event: regained,
    time: 5,
    actions: '',
    to: 'initialize',
    next: undefined,
  },
  'initialize, addresses lost': {
    from: fresh,
    event: addressesLost,
    time: 5,
    actions: '',
    to: 'initialize',
    next: undefined,
  },
  'held, startup': { from: held, event: startup, time: 5, actions: '', to: 'initialize', next: undefined },
  'held, interface regained': {
    from: held,
    event: regained,
    time: 5,
    actions: 'no routes, remove .254, initialize>backup',
    to: 'backup',
    next: 5 + DOWN,
  },
  'held, interface regained by the owner': {
    from: held,
    event: regained,
    time: 5,
    actions: 'advert 255, install .254 for 4s, announce .254, routes, initialize>active',
    to: 'active',
    next: 105,
    parameters: owner,
  },
  'held, resume': {
    from: held,
    event: resume,
    time: 5,
    actions: 'no routes, remove .254, initialize>initialize',
    to: 'initialize',
    next: undefined,
  },
  'held, shutdown': {
    from: held,
    event: shutdown,
    time: 5,
    actions: 'initialize>initialize',
    to: 'initialize',
    next: undefined,
  },
  // 6.4.2 backup
  'backup, timer at its deadline': {
    from: backup,
    event: timer,
    time: DOWN,
    actions: `${ENTRY}, backup>active`,
    to: 'active',
    next: DOWN + 100,
  },
  'backup, stale timer': {
    from: backup,
    event: timer,
    time: DOWN - 0.001,
    actions: '',
    to: 'backup',
    next: DOWN,
  },
  'backup, priority 0': { from: backup, event: advert(0), time: 5, actions: '', to: 'backup', next: 614.375 },
  'backup, higher priority': {
    from: backup,
    event: advert(150),
    time: 500,
    actions: '',
    to: 'backup',
    next: 500 + DOWN,
  },
  'backup, equal priority': {
    from: backup,
    event: advert(100, '10.1.1.1'),
    time: 500,
    actions: '',
    to: 'backup',
    next: 500 + DOWN,
  },
  'backup, lower priority': {
    from: backup,
    event: advert(50),
    time: 500,
    actions: '',
    to: 'backup',
    next: DOWN,
  },
  'backup, lower priority without preemption': {
    from: backup,
    event: advert(50),
    time: 500,
    actions: '',
    to: 'backup',
    next: 500 + DOWN,
    parameters: patient,
  },
  'backup adopts a shorter interval': {
    from: backup,
    event: advert(150, '10.1.1.12', 10),
    time: 500,
    actions: '',
    to: 'backup',
    next: 860.9375,
  },
  'backup adopts a longer interval': {
    from: backup,
    event: advert(150, '10.1.1.12', 4095),
    time: 500,
    actions: '',
    to: 'backup',
    next: 500 + 36.09375 * 4095,
  },
  'backup, own advert looped back': {
    from: backup,
    event: advert(150, '10.1.1.11'),
    time: 500,
    actions: '',
    to: 'backup',
    next: DOWN,
  },
  'backup, startup': { from: backup, event: startup, time: 5, actions: '', to: 'backup', next: DOWN },
  'backup, resume': { from: backup, event: resume, time: 5, actions: '', to: 'backup', next: DOWN },
  'backup, shutdown': {
    from: backup,
    event: shutdown,
    time: 5,
    actions: 'backup>initialize',
    to: 'initialize',
    next: undefined,
  },
  'backup, stop': {
    from: backup,
    event: stop,
    time: 5,
    actions: 'backup>initialize',
    to: 'initialize',
    next: undefined,
  },
  'backup, interface lost': {
    from: backup,
    event: lost,
    time: 5,
    actions: 'backup>initialize',
    to: 'initialize',
    next: undefined,
  },
  'backup, interface regained': {
    from: backup,
    event: regained,
    time: 5,
    actions: '',
    to: 'backup',
    next: DOWN,
  },
  'backup, addresses lost': {
    from: backup,
    event: addressesLost,
    time: 5,
    actions: '',
    to: 'backup',
    next: DOWN,
  },
  // 6.4.3 active
  'active, stale timer': { from: active, event: timer, time: 99, actions: '', to: 'active', next: 100 },
  'active, announcement': {
    from: active,
    event: timer,
    time: 100,
    actions: 'announce .254',
    to: 'active',
    next: 200,
  },
  'active, everything due': {
    from: active,
    event: timer,
    time: 1000,
    actions: 'advert 100, renew .254 for 4s, announce .254',
    to: 'active',
    next: 2000,
  },
  'active, late timer keeps the beat': {
    from: active,
    event: timer,
    time: 1300,
    actions: 'advert 100, renew .254 for 4s, announce .254',
    to: 'active',
    next: 2000,
  },
  'active, priority 0': {
    from: active,
    event: advert(0),
    time: 50,
    actions: 'advert 100, renew .254 for 4s',
    to: 'active',
    next: 100,
  },
  'active, higher priority': {
    from: active,
    event: advert(101),
    time: 50,
    actions: 'lost against .12 of 101, no routes, remove .254, advert 100, active>backup',
    to: 'backup',
    next: 50 + DOWN,
  },
  'active, equal priority and greater address': {
    from: active,
    event: advert(100, '10.1.1.12'),
    time: 50,
    actions: 'lost against .12 of 100, no routes, remove .254, advert 100, active>backup',
    to: 'backup',
    next: 50 + DOWN,
  },
  'active, equal priority and greater address though less as text': {
    from: active,
    event: advert(100, '10.1.1.100'),
    time: 50,
    actions: 'lost against .100 of 100, no routes, remove .254, advert 100, active>backup',
    to: 'backup',
    next: 50 + DOWN,
  },
  'active, equal priority and smaller address': {
    from: settled,
    event: advert(100, '10.1.1.9'),
    time: 150,
    actions: 'won against .9 of 100, advert 100, renew .254 for 4s, announce .254',
    to: 'active',
    next: 250,
  },
  'active, lower priority': {
    from: settled,
    event: advert(99),
    time: 150,
    actions: 'won against .12 of 99, advert 100, renew .254 for 4s, announce .254',
    to: 'active',
    next: 250,
  },
  'active, lower priority just after an advert': {
    from: settled,
    event: advert(99),
    time: 4,
    actions: 'won against .12 of 99',
    to: 'active',
    next: 10,
  },
  'active, the last word of the one that it has just preempted': {
    from: active,
    event: advert(99),
    time: 150,
    actions: 'advert 100, renew .254 for 4s, announce .254',
    to: 'active',
    next: 250,
  },
  'active takes the interval of the one it yields to': {
    from: active,
    event: advert(200, '10.1.1.12', 10),
    time: 50,
    actions: 'lost against .12 of 200, no routes, remove .254, advert 100, active>backup',
    to: 'backup',
    next: 410.9375,
  },
  'active takes an interval of 0, if it ever came here, for the shortest': {
    from: active,
    event: advert(200, '10.1.1.12', 0),
    time: 50,
    actions: 'lost against .12 of 200, no routes, remove .254, advert 100, active>backup',
    to: 'backup',
    next: 86.09375,
  },
  'active, own advert looped back': {
    from: active,
    event: advert(200, '10.1.1.11'),
    time: 50,
    actions: '',
    to: 'active',
    next: 100,
  },
  'owner, any advert': {
    from: owning,
    event: advert(255, '10.1.1.99'),
    time: 50,
    actions: '',
    to: 'active',
    next: 100,
    parameters: owner,
  },
  'active, startup': { from: active, event: startup, time: 5, actions: '', to: 'active', next: 100 },
  'active, resume': { from: active, event: resume, time: 5, actions: '', to: 'active', next: 100 },
  'active, shutdown': {
    from: active,
    event: shutdown,
    time: 50,
    actions: 'advert 0, renew .254 for 4s, active>releasing',
    to: 'releasing',
    next: 150,
  },
  'active, stop': {
    from: active,
    event: stop,
    time: 50,
    actions: 'advert 0, no routes, remove .254, active>initialize',
    to: 'initialize',
    next: undefined,
  },
  'active, interface lost': {
    from: active,
    event: lost,
    time: 50,
    actions: 'no routes, remove .254, active>initialize',
    to: 'initialize',
    next: undefined,
  },
  'active, interface regained': {
    from: active,
    event: regained,
    time: 50,
    actions: '',
    to: 'active',
    next: 100,
  },
  'active, addresses lost': {
    from: active,
    event: addressesLost,
    time: 50,
    actions: 'install .254 for 4s, announce .254, routes',
    to: 'active',
    next: 100,
  },
  'active, others addresses lost': {
    from: active,
    event: foreignLost,
    time: 50,
    actions: '',
    to: 'active',
    next: 100,
  },
  // releasing, vipward's own
  'releasing, repeats its last advert': {
    from: releasing,
    event: timer,
    time: 100,
    actions: 'advert 0',
    to: 'releasing',
    next: 200,
  },
  'releasing, stale timer': {
    from: releasing,
    event: timer,
    time: 99,
    actions: '',
    to: 'releasing',
    next: 100,
  },
  'releasing, a successor speaks': {
    from: releasing,
    event: advert(50),
    time: 1,
    actions: '',
    to: 'releasing',
    next: 6,
  },
  'releasing, another lets go': {
    from: releasing,
    event: advert(0),
    time: 1,
    actions: '',
    to: 'releasing',
    next: 100,
  },
  'releasing, nobody came': {
    from: releasing,
    event: timer,
    time: 1200,
    actions: 'no routes, remove .254, releasing>initialize',
    to: 'initialize',
    next: undefined,
  },
  'releasing, shutdown': {
    from: releasing,
    event: shutdown,
    time: 5,
    actions: '',
    to: 'releasing',
    next: 100,
  },
  'releasing, stop': {
    from: releasing,
    event: stop,
    time: 5,
    actions: 'no routes, remove .254, releasing>initialize',
    to: 'initialize',
    next: undefined,
  },
  'releasing, startup': {
    from: releasing,
    event: startup,
    time: 5,
    actions: `${ENTRY}, releasing>active`,
    to: 'active',
    next: 105,
  },
  'releasing, resume': {
    from: releasing,
    event: resume,
    time: 5,
    actions: `${ENTRY}, releasing>active`,
    to: 'active',
    next: 105,
  },
  'releasing, interface lost': {
    from: releasing,
    event: lost,
    time: 5,
    actions: 'no routes, remove .254, releasing>initialize',
    to: 'initialize',
    next: undefined,
  },
  'releasing, interface regained': {
    from: releasing,
    event: regained,
    time: 5,
    actions: '',
    to: 'releasing',
    next: 100,
  },
  'releasing, addresses lost': {
    from: releasing,
    event: addressesLost,
    time: 5,
    actions: 'install .254 for 4s',
    to: 'releasing',
    next: 100,
  },
  'succeeded, timer': {
    from: succeeded,
    event: timer,
    time: 6,
    actions: 'no routes, remove .254, releasing>initialize',
    to: 'initialize',
    next: undefined,
  },
  'succeeded, a second advert does not prolong it': {
    from: succeeded,
    event: advert(50),
    time: 4,
    actions: '',
    to: 'releasing',
    next: 6,
  },
  'succeeded, startup': {
    from: succeeded,
    event: startup,
    time: 5,
    actions: 'no routes, remove .254, releasing>backup',
    to: 'backup',
    next: 5 + DOWN,
  },
  'succeeded, addresses lost': {
    from: succeeded,
    event: addressesLost,
    time: 5,
    actions: '',
    to: 'releasing',
    next: 6,
  },
};

describe('a step of the state machine', () => {
  it.each(Object.entries(TABLE))('%s', (_name, { from, event, time, actions, to, next, parameters }) => {
    const result = step(from, event, at(time), parameters ?? ordinary);
    expect(brief(result.actions)).toBe(actions);
    expect(result.state.name).toBe(to);
    const deadline = nextDeadline(result.state);
    expect(deadline === undefined ? undefined : deadline - START).toBe(next);
  });

  it('gives the very same state where an event means nothing', () => {
    expect(step(active, startup, at(5), ordinary).state).toBe(active);
    expect(step(backup, timer, at(5), ordinary).state).toBe(backup);
    expect(step(fresh, advert(150), at(5), ordinary).state).toBe(fresh);
  });

  it('says why, in words', () => {
    const reason = (from: State, event: Event, time: number) =>
      step(from, event, at(time), ordinary).state.reason;
    expect(reason(backup, timer, DOWN)).toBe('no advert for 3.609 s');
    expect(reason(following, timer, DOWN)).toBe('no advert from 10.1.1.12 for 3.609 s');
    expect(reason(step(following, advert(0), at(5), ordinary).state, timer, 900)).toBe(
      '10.1.1.12 let go (priority 0)',
    );
    expect(reason(step(backup, advert(50), at(5), ordinary).state, timer, DOWN)).toBe(
      'preempts 10.1.1.12 of priority 50',
    );
    expect(reason(active, advert(150), 5)).toBe('10.1.1.12 has priority 150');
    expect(reason(active, advert(100), 5)).toBe('10.1.1.12 has the same priority and a greater address');
    expect(reason(active, lost, 5)).toBe('interface eth0 is down');
    expect(reason(succeeded, timer, 6)).toBe('stopped: 10.1.1.12 took over');
    expect(reason(releasing, timer, 1200)).toBe('stopped: no successor was heard');
  });
});
