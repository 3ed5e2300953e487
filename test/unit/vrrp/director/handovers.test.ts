/** Hand-overs by command, and what is answered when they are complete. */
import { describe, expect, it } from 'vitest';
import { Bench, GROUPED, KEY1, KEY2, networkOf } from './support.ts';

const handover = (names: readonly string[] = [], stayDown = false) =>
  ({ type: 'handover', id: 5, names, stayDown }) as const;

describe('vipward handover', () => {
  it('lets go, and names the successor when it has spoken', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    expect(bench.tell(handover())).toBe('51: advert 0, 51: renew .251 for 4s, 51: active>releasing');
    bench.hear(KEY1, 90);
    expect(bench.pass(10)).toContain('handed over 5: vip1 handed-over 10.1.1.12');
    expect(bench.states()).toBe('backup');
  });

  it('does not take back what it handed over, until it was active again', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    bench.tell(handover());
    for (let i = 0; i < 8; i++) {
      bench.hear(KEY1, 90);
      bench.pass(1000);
    }
    expect(bench.states()).toBe('backup');
    bench.tell({ type: 'restore', names: [] });
    for (let i = 0; i < 4; i++) {
      bench.hear(KEY1, 90);
      bench.pass(1000);
    }
    expect(bench.states()).toBe('active');
  });

  it('stays active where nobody comes, and says so', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    bench.tell(handover());
    expect(bench.pass(1500)).toContain('handed over 5: vip1 kept');
    expect(bench.states()).toBe('active');
  });

  it('with --stay-down stays a backup whatever happens, until it is resumed', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    bench.tell(handover([], true));
    bench.hear(KEY1, 90);
    bench.pass(60_000);
    expect(bench.states()).toBe('backup');
    bench.tell({ type: 'restore', names: ['vip1'] });
    bench.pass(4000);
    expect(bench.states()).toBe('active');
  });

  it('answers at once for what is not active, and for what nobody knows', () => {
    const bench = new Bench(networkOf());
    expect(bench.tell(handover(['vip1', 'vip9']))).toBe('handed over 5: vip1 not-active vip9 unknown-name');
  });

  it('takes the whole group, and answers when the last has let go', () => {
    const bench = new Bench(GROUPED, { resume: [KEY1, KEY2] });
    bench.tell(handover(['vip2']));
    expect(bench.states()).toBe('releasing releasing');
    bench.hear(KEY1, 90);
    expect(bench.pass(10)).not.toContain('handed over');
    bench.hear(KEY2, 90);
    expect(bench.pass(10)).toContain('handed over 5: vip1 handed-over 10.1.1.12 vip2 handed-over 10.1.1.12');
  });

  it('of a group does not end in part', () => {
    const bench = new Bench(GROUPED, { resume: [KEY1, KEY2] });
    bench.tell(handover());
    bench.hear(KEY2, 90);
    bench.pass(1500);
    expect(bench.states()).toBe('backup backup');
  });
});
