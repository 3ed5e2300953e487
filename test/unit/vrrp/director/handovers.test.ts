/** Hand-overs by command, and what is answered when they are complete. */
import { describe, expect, it } from 'vitest';
import { Bench, GROUPED, KEY1, KEY2, networkOf, routerOf } from './support.ts';

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

describe('what was handed over to stay down', () => {
  const STAY = { type: 'handover', id: 1, names: ['vip1'], stayDown: true } as const;
  const renamed = (number: number, name: string) => routerOf(number, { name });
  const standby = (bench: Bench) =>
    [...bench.director.members()].map(({ router, parameters }) => `${router.name} ${parameters.standby}`);

  it('stays so under another name', () => {
    const bench = new Bench(networkOf(), { resume: [KEY1] });
    bench.tell(STAY);
    bench.hear(KEY1, 90);
    bench.configure(networkOf({ routers: [renamed(1, 'www')] }));
    expect(standby(bench)).toEqual(['www true']);
    bench.pass(20_000);
    expect(bench.states()).toBe('backup');
    bench.tell({ type: 'restore', names: ['www'] });
    expect(standby(bench)).toEqual(['www false']);
  });

  it('is not what has its name now, nor whatever joins its old name', () => {
    const bench = new Bench(networkOf({ routers: [routerOf(1), routerOf(2)] }), { resume: [KEY1, KEY2] });
    bench.tell(STAY);
    bench.configure(networkOf({ routers: [renamed(1, 'vip2'), renamed(2, 'vip1')] }));
    expect(standby(bench)).toEqual(['vip2 true', 'vip1 false']);
  });

  it('keeps the group down that it joins', () => {
    const bench = new Bench(networkOf({ routers: [routerOf(1), routerOf(2)] }), { resume: [KEY1, KEY2] });
    bench.tell(STAY);
    bench.configure(GROUPED);
    expect(standby(bench)).toEqual(['vip1 true', 'vip2 true']);
  });
});
