/** What is tracked and has not been looked at yet: waited for, and no fault. */
import { describe, expect, it } from 'vitest';
import { explain } from '../../../../src/vrrp/director/explain.ts';
import { describeState } from '../../../../src/vrrp/machine.ts';
import { Bench, KEY1, networkOf, routerOf } from './support.ts';

const TRACKING = networkOf({
  routers: [routerOf(1, { track: [{ kind: 'script', name: 'x', weight: undefined, inverse: false }] })],
});
const verdict = (state: 'up' | 'down') =>
  ({
    type: 'verdicts',
    verdicts: [{ kind: 'script', name: 'x', state, value: 1, reason: 'exit code 1' }],
  }) as const;
const status = (bench: Bench) => {
  const member = bench.director.member(KEY1);
  const unit = bench.director.unitOf(KEY1);
  if (!member || !unit) throw new Error('no member');
  const { state, started, waiting, reason } = describeState(member.state, member.parameters);
  return { state, started, waiting, reason, explanation: explain(member, unit, bench.now) };
};

describe('a virtual router whose script has no result yet', () => {
  it('waits, and says for what', () => {
    expect(status(new Bench(TRACKING))).toEqual({
      state: 'initialize',
      started: true,
      waiting: true,
      reason: 'script x has not been looked at yet',
      explanation: 'waits for the first result: script x has not been looked at yet',
    });
  });

  it('begins when the first result is good', () => {
    const bench = new Bench(TRACKING);
    expect(bench.tell(verdict('up'))).toContain('51: initialize>backup');
    expect(status(bench)).toMatchObject({ state: 'backup', waiting: false });
  });

  it('is in fault when it is bad', () => {
    const bench = new Bench(TRACKING);
    bench.tell(verdict('down'));
    expect(status(bench)).toMatchObject({
      state: 'initialize',
      waiting: false,
      reason: 'script x: exit code 1',
    });
    expect(bench.tell(verdict('up'))).toContain('51: initialize>backup');
  });

  it('goes on where a dead predecessor was active, until it is bad', () => {
    const bench = new Bench(TRACKING, { resume: [KEY1] });
    expect(bench.states()).toBe('active');
    expect(bench.tell(verdict('down'))).toContain('51: active>releasing');
  });
});
