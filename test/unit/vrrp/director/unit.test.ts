/** Units of a director: sync groups, what is tracked, ties, an arbiter, fencing, probes; and who is asked for what. */
import { describe, expect, it } from 'vitest';
import type { TrackUse } from '../../../../src/model/tracking.ts';
import { milliseconds } from '../../../../src/model/units.ts';
import { ip } from '../support.ts';
import { Bench, DOWN, GROUPED, KEY1, KEY2, networkOf, routerOf, UP } from './support.ts';

const track = (weight: number | undefined): TrackUse => ({
  kind: 'script',
  name: 'x',
  weight,
  inverse: false,
});
const verdict = (state: 'up' | 'down' | 'unknown') =>
  ({
    type: 'verdicts',
    verdicts: [{ kind: 'script', name: 'x', state, value: 1, reason: 'exit code 1' }],
  }) as const;
const BOTH = [KEY1, KEY2];
const PAIR = networkOf({ arbiter: { directors: 2 } });
const lease = (bench: Bench, time: number | undefined, contended = false) =>
  bench.tell({
    type: 'lease',
    unit: 'router/vip1',
    heldUntil: time === undefined ? undefined : bench.at(time),
    contended,
  });
/** Active since 6 s, with a lease that is held until then. */
const activeUntil = (network: typeof PAIR, time: number): Bench => {
  const bench = new Bench(network);
  bench.pass(3700);
  lease(bench, time);
  bench.pass(2300);
  return bench;
};
const presence = (bench: Bench, source = '10.1.1.12', path = 0) =>
  bench.tell({ type: 'presence', key: KEY1, path, source: ip(source), priority: 90, asks: false });

describe('a virtual router alone', () => {
  it('becomes active when nobody is heard, without asking anybody', () => {
    const bench = new Bench(networkOf());
    expect(bench.configured).toBe('51: no routes, 51: remove .251, 51: initialize>backup');
    expect(bench.pass(3610)).toBe(
      '51: advert 100, 51: install .251 for 4s, 51: announce .251, 51: routes, 51: backup>active',
    );
  });

  it('goes on where a dead predecessor was active', () => {
    expect(new Bench(networkOf(), { resume: [KEY1] }).states()).toBe('active');
  });

  it('is at its end after a stop and its hand-over', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    expect(bench.tell({ type: 'stop', reason: 'stopped' })).toContain('51: active>releasing');
    expect(bench.director.ended).toBe(false);
    bench.pass(1500);
    expect(bench.director.ended).toBe(true);
  });
});

describe('a sync group', () => {
  it('becomes active together, when all its members can', () => {
    const bench = new Bench(GROUPED);
    bench.pass(1000);
    bench.hear(KEY2, 150);
    expect(bench.pass(3000)).toBe('51: ask leave');
    expect(bench.states()).toBe('backup backup');
    bench.pass(1000);
    expect(bench.states()).toBe('active active');
  });

  it('does not resume one beside another that is a backup already', () => {
    const bench = new Bench(networkOf({ routers: [routerOf(2)] }));
    expect(bench.states()).toBe('backup');
    bench.configure(GROUPED, { resume: [KEY1, KEY2] });
    expect(bench.states()).toBe('backup backup');
  });

  it('wants nothing any more when the active router speaks again to one of them', () => {
    const bench = new Bench(GROUPED);
    bench.pass(1000);
    bench.hear(KEY2, 150);
    bench.pass(3000);
    bench.hear(KEY1, 150);
    bench.pass(1500);
    expect(bench.states()).toBe('backup backup');
  });

  it('is not resumed in part', () => {
    expect(new Bench(GROUPED, { resume: [KEY1] }).states()).toBe('backup backup');
    expect(new Bench(GROUPED, { resume: BOTH }).states()).toBe('active active');
  });

  it('lets go as a whole where one loses, and none comes back alone', () => {
    const bench = new Bench(GROUPED, { resume: BOTH });
    expect(bench.hear(KEY2, 150)).toContain('52: active>backup');
    expect(bench.states()).toBe('releasing backup');
    bench.pass(1500);
    expect(bench.states()).toBe('backup backup');
  });

  it('is faulted by the fault of one, and back when it is over', () => {
    const bench = new Bench(GROUPED, { resume: BOTH });
    bench.tell({ type: 'condition', key: KEY1, condition: DOWN });
    expect(bench.states()).toBe('initialize releasing');
    bench.pass(1500);
    expect(bench.states()).toBe('initialize initialize');
    expect(bench.director.member(KEY2)?.state.reason).toBe('sync group g: vip1: interface is down');
    bench.tell({ type: 'condition', key: KEY1, condition: UP });
    expect(bench.states()).toBe('backup backup');
  });

  it('does not come back in part when the fault is over before the hand-over is', () => {
    const bench = new Bench(GROUPED, { resume: BOTH });
    bench.tell({ type: 'condition', key: KEY1, condition: DOWN });
    bench.tell({ type: 'condition', key: KEY1, condition: UP });
    bench.pass(1500);
    expect(bench.states()).toBe('backup backup');
  });

  it('lets its first member decide a tie, and another only where that one hears nothing', () => {
    const tied = new Bench(GROUPED, { resume: BOTH });
    expect(tied.hear(KEY2, 100)).toBe('');
    expect(tied.hear(KEY1, 100)).toContain('51: active>backup');
    const alone = new Bench(GROUPED, { resume: BOTH });
    expect(alone.hear(KEY2, 100)).toBe('');
    alone.pass(1000);
    expect(alone.hear(KEY2, 100)).toBe('');
    alone.pass(1000);
    expect(alone.hear(KEY2, 100)).toContain('52: active>backup');
  });

  it('ends with the configuration of one of its members, the other stays', () => {
    const bench = new Bench(GROUPED, { resume: BOTH });
    const [first] = GROUPED.routers;
    expect(bench.configure({ ...GROUPED, routers: first ? [first] : [] })).toContain('52: active>releasing');
    bench.pass(2500);
    expect(bench.states()).toBe('active');
  });
});

describe('what is tracked', () => {
  const weighted = networkOf({ routers: [routerOf(1, { track: [track(-30)] })] });
  const needed = networkOf({ routers: [routerOf(1, { track: [track(undefined)] })] });

  it('changes the priority that is advertised, and back', () => {
    const bench = new Bench(weighted, { resume: [KEY1] });
    expect(bench.tell(verdict('down'))).toBe('51: advert 70');
    expect(bench.tell(verdict('down'))).toBe('');
    expect(bench.tell(verdict('up'))).toBe('51: advert 100');
  });

  it('is a fault without a weight, and says so', () => {
    const bench = new Bench(needed, { resume: [KEY1] });
    bench.tell(verdict('up'));
    bench.pass(4000);
    expect(bench.states()).toBe('active');
    expect(bench.tell(verdict('down'))).toContain('51: active>releasing');
    bench.pass(1500);
    expect(bench.director.member(KEY1)?.state.reason).toBe('script x: exit code 1');
    expect(bench.tell(verdict('up'))).toContain('51: initialize>backup');
  });

  it('is waited for by what has not begun, and does not fault what runs', () => {
    const bench = new Bench(needed);
    expect(bench.states()).toBe('initialize');
    bench.tell(verdict('up'));
    expect(bench.states()).toBe('backup');
    expect(bench.tell(verdict('unknown'))).toBe('');
  });
});

describe('an arbiter', () => {
  it('is asked for its lease, which is not enough while a former owner may still hold the addresses', () => {
    const bench = new Bench(PAIR);
    expect(bench.pass(3610)).toBe('51: ask leave, lease router/vip1 wanted');
    expect(lease(bench, 20_000)).toBe('');
    expect(bench.pass(2000)).toBe('');
    expect(bench.pass(1000)).toContain('51: install .251 for 4s');
  });

  it('has the addresses run out before its lease does, and the unit let go while they can', () => {
    const bench = new Bench(PAIR);
    bench.pass(3700);
    lease(bench, 9500);
    expect(bench.pass(2300)).toContain('51: install .251 for 3s');
    expect(bench.pass(1000)).toContain('51: renew .251 for 2s');
    expect(lease(bench, 9500)).toBe('51: renew .251 for 2s');
    expect(bench.pass(1500)).toContain('51: no routes, 51: remove .251, 51: advert 0, 51: active>backup');
    expect(bench.states()).toBe('backup');
  });

  it('is not needed while every other director answers', () => {
    const bench = activeUntil(PAIR, 9500);
    for (let i = 0; i < 20; i++) {
      presence(bench);
      bench.pass(1000);
    }
    expect(bench.states()).toBe('active');
    lease(bench, undefined);
    bench.pass(5000);
    expect(bench.states()).toBe('backup');
  });

  it('is needed where one director answers by two paths, and another by none', () => {
    const bench = activeUntil(networkOf({ arbiter: { directors: 3 } }), 9500);
    expect(bench.states()).toBe('active');
    for (let i = 0; i < 8; i++) {
      presence(bench);
      presence(bench, '10.2.1.12', 1);
      bench.pass(500);
    }
    expect(bench.states()).toBe('backup');
  });

  it('lets whoever cannot have the lease ask nobody to let go', () => {
    const bench = new Bench(PAIR);
    bench.pass(3610);
    expect(bench.hear(KEY1, 50)).toBe('51: presence');
    lease(bench, undefined, true);
    expect(bench.hear(KEY1, 50)).toBe('51: request');
    expect(bench.hear(KEY1, 0)).toBe('');
    expect(lease(bench, 20_000)).toContain('51: backup>active');
    expect(bench.director.member(KEY1)?.state.reason).toBe('10.1.1.12 let go (priority 0)');
  });

  it('has the active router let go for whoever asks with a higher priority', () => {
    const bench = activeUntil(PAIR, 30_000);
    const request = { type: 'presence', key: KEY1, path: 0, source: ip('10.1.1.12'), asks: true } as const;
    expect(bench.tell({ ...request, priority: 100 })).toBe('');
    expect(bench.tell({ ...request, priority: 101 })).toBe(
      '51: no routes, 51: remove .251, 51: advert 0, 51: active>backup, lease router/vip1 given back',
    );
  });

  it('lets a successor of a crashed process go on only with the lease', () => {
    expect(new Bench(PAIR, { resume: [KEY1] }).states()).toBe('backup');
  });
});

it('a request is heeded only with an arbiter: a forged one gets nothing', () => {
  const bench = new Bench(networkOf({}));
  bench.pass(3700);
  expect(bench.states()).toBe('active');
  const request = { type: 'presence', key: KEY1, path: 0, source: ip('10.1.1.12'), asks: true } as const;
  expect(bench.tell({ ...request, priority: 254 })).toBe('');
});

describe('a fence', () => {
  const fencing = networkOf({ fencing: { takeOverAfter: undefined } });

  it('is asked for against the peer that fell silent, and waited for', () => {
    const bench = new Bench(fencing);
    bench.hear(KEY1, 150);
    expect(bench.pass(3700)).toBe('51: ask leave, fence 1 10.1.1.12');
    expect(bench.tell({ type: 'fenced', id: 1, done: true, reason: 'off' })).toContain('51: backup>active');
  });

  it('that fails is no leave', () => {
    const bench = new Bench(fencing);
    bench.hear(KEY1, 150);
    bench.pass(3700);
    bench.tell({ type: 'fenced', id: 1, done: false, reason: 'exit code 1' });
    expect(bench.director.member(KEY1)?.state.reason).toBe('no take-over: the fence failed: exit code 1');
    expect(bench.pass(4000)).toContain('fence');
    expect(bench.states()).toBe('backup');
  });

  it('is not for one that let go, nor for one that is preempted', () => {
    const released = new Bench(fencing);
    released.hear(KEY1, 0);
    expect(released.pass(1000)).toContain('51: backup>active');
    const preempting = new Bench(fencing);
    for (let i = 0; i < 4; i++) {
      preempting.pass(900);
      preempting.hear(KEY1, 50);
    }
    expect(preempting.pass(100)).toContain('51: backup>active');
  });
});

describe('a probe', () => {
  it('is waited for where that is configured', () => {
    const bench = new Bench(networkOf({ routers: [routerOf(1, { probe: 'before' })] }));
    expect(bench.pass(3610)).toBe('51: ask leave, 51: probe');
    bench.tell({ type: 'claim', key: KEY1, address: ip('10.1.1.251'), mac: '02:00:00:00:00:01' });
    expect(bench.pass(50)).toBe('51: probe');
    expect(bench.pass(50)).toContain('51: backup>active');
  });

  it('goes beside the take-over from one that fell silent', () => {
    const bench = new Bench(networkOf({ routers: [routerOf(1, { probe: 'beside' })] }));
    bench.hear(KEY1, 150);
    expect(bench.pass(3700)).toContain('51: backup>active, 51: probe');
  });
});

describe('a stall', () => {
  it('costs the addresses, before anything that waits is heard, and everybody hears of it', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    bench.pass(5000);
    bench.now = bench.at(9000);
    expect(bench.tell({ type: 'stalls' })).toBe(
      '51: no routes, 51: remove .251, 51: advert 0, 51: active>backup',
    );
    expect(bench.director.member(KEY1)?.state.reason).toMatch(/^stood still for 4\.000 s/);
    expect(milliseconds((bench.director.deadline ?? 0) - bench.now)).toBe(3609.375);
  });

  it('is none while it is shorter than others would wait', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    bench.now = bench.at(3600);
    expect(bench.tell({ type: 'stalls' })).toBe('');
    expect(bench.director.deciding(bench.now)).toEqual([KEY1]);
  });
});
