/** One fence of a peer serves every unit that waits for it. */
import { describe, expect, it } from 'vitest';
import { Bench, KEY1, KEY2, networkOf, routerOf } from './support.ts';

describe('a fence for one unit', () => {
  /** The second waits for so many adverts. */
  const two = (downAdverts = 3) =>
    networkOf({
      fencing: { takeOverAfter: undefined },
      routers: [routerOf(1), routerOf(2, { downAdverts })],
    });
  const heard = (bench: Bench, other = '10.1.1.12') => {
    bench.hear(KEY1, 150);
    bench.hear(KEY2, 150, { source: other });
  };

  it('frees the others that wait for the same peer', () => {
    const bench = new Bench(two());
    heard(bench);
    expect(bench.pass(3700)).toContain('fence 2 10.1.1.12');
    const orders = bench.tell({ type: 'fenced', id: 1, done: true, reason: 'off' });
    expect(orders).toContain('51: backup>active');
    expect(orders).toContain('52: backup>active');
    expect(bench.tell({ type: 'fenced', id: 2, done: false, reason: 'exit code 1' })).toBe('');
  });

  it('serves one that comes to it later, but not for ever, nor for another peer', () => {
    const later = (other?: string, spoken = false) => {
      const bench = new Bench(two(4));
      heard(bench, other);
      bench.pass(3650);
      bench.tell({ type: 'fenced', id: 1, done: true, reason: 'off' });
      expect(bench.states()).toBe('active backup');
      if (spoken) bench.hear(KEY2, 150, { source: '10.1.1.12' });
      return bench.pass(5000);
    };
    expect(later()).toContain('52: backup>active');
    expect(later('10.1.1.13')).toContain('fence 2 10.1.1.13');
    expect(later('10.1.1.12', true)).toContain('fence 2 10.1.1.12');
  });

  it('that failed frees nobody', () => {
    const bench = new Bench(two());
    heard(bench);
    bench.pass(3700);
    bench.tell({ type: 'fenced', id: 1, done: false, reason: 'exit code 1' });
    expect(bench.states()).toBe('backup backup');
  });
});
