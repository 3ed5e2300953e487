/** Equal priorities, where addresses are ordered otherwise on each path. */
import { describe, expect, it } from 'vitest';
import { Bench, KEY1, networkOf, routerOf } from './support.ts';

const path = (name: string) =>
  ({ interface: name, transport: 'vrrp', peers: [], source: [], port: 0 }) as const;
const networkOn = (first: string, ...others: readonly string[]) =>
  networkOf({ routers: [routerOf(1, { heartbeat: [path(first), ...others.map(path)] })] });
const TWO_PATHS = networkOn('eth0', 'eth1');

/** Active for as long as it stays so while a rival goes on, heard on these paths: in adverts. */
function staysActive(
  paths: readonly (readonly [path: number, source: string])[],
  network = TWO_PATHS,
): number {
  const bench = new Bench(network, { resume: [KEY1] });
  for (let adverts = 0; adverts < 10; adverts++) {
    for (const [number, source] of paths) bench.hear(KEY1, 100, { source, path: number });
    if (bench.states() !== 'active') return adverts;
    bench.pass(1000);
  }
  return Number.POSITIVE_INFINITY;
}

describe('a rival of the same priority', () => {
  it('is given way to at once where its address on the first path is greater', () => {
    expect(staysActive([[0, '10.1.1.12']])).toBe(0);
    expect(
      staysActive([
        [0, '10.1.1.12'],
        [1, '10.1.1.10'],
      ]),
    ).toBe(0);
  });

  it('is judged by the second path only after some adverts without the first', () => {
    expect(staysActive([[1, '10.1.1.12']])).toBe(2);
    expect(staysActive([[1, '10.1.1.10']])).toBe(Number.POSITIVE_INFINITY);
  });

  it('that goes on, since it does not hear us on the first path, is judged by the next', () => {
    expect(
      staysActive([
        [0, '10.1.1.10'],
        [1, '10.1.1.12'],
      ]),
    ).toBe(3);
    expect(
      staysActive([
        [0, '10.1.1.10'],
        [1, '10.1.1.9'],
      ]),
    ).toBe(Number.POSITIVE_INFINITY);
  });

  it('that goes on after that, too, is judged by each path in turn', () => {
    const ours = '10.1.1.10';
    const three = networkOn('eth0', 'eth1', 'eth2');
    const loses = (lost: number) =>
      [0, 1, 2].map((each) => [each, each === lost ? '10.1.1.12' : ours] as const);
    expect([0, 1, 2].map((lost) => staysActive(loses(lost), three))).toEqual([0, 3, 6]);
  });

  it('is no rival for as long as it was heard as a backup', () => {
    const bench = new Bench(TWO_PATHS);
    for (let adverts = 0; adverts < 5; adverts++) {
      bench.hear(KEY1, 100, { source: '10.1.1.10', path: 0 });
      bench.hear(KEY1, 100, { source: '10.1.1.12', path: 1 });
      bench.pass(1000);
    }
    bench.hear(KEY1, 0, { source: '10.1.1.10' });
    bench.pass(700);
    expect(bench.states()).toBe('active');
    bench.hear(KEY1, 100, { source: '10.1.1.10', path: 0 });
    bench.hear(KEY1, 100, { source: '10.1.1.12', path: 1 });
    expect(bench.states()).toBe('active');
  });
});
