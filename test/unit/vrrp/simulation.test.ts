/** Two and three routers on a network that loses, delays and splits: who holds the address, over virtual time. */
import { describe, expect, it } from 'vitest';
import { centiseconds } from '../../../src/model/units.ts';
import type { Parameters } from '../../../src/vrrp/machine.ts';
import { type Holding, Network, randomFrom } from './network.ts';
import { ip, parametersOf } from './support.ts';

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);

const router = (host: number, priority: number, changes: Partial<Parameters> = {}): Parameters =>
  parametersOf({ priority, source: ip(`10.1.1.${host}`), ...changes });

/** What was held from `time` on. */
function since(network: Network, time: number): readonly Holding[] {
  const first = network.history.findLastIndex(({ from }) => from <= time);
  return network.history.slice(Math.max(0, first));
}

const holdersSince = (network: Network, time: number): readonly string[] => [
  ...new Set(since(network, time).map(({ holders }) => holders.join('+'))),
];

describe('a pair', () => {
  const pair = (seed = 1, changes: Partial<Parameters> = {}) =>
    new Network({ high: router(2, 150, changes), low: router(3, 100, changes) }, randomFrom(seed));

  it('elects the higher priority, and the lower one never holds the address', () => {
    const network = pair();
    network.start('low');
    network.start('high');
    network.run(10_000);
    expect(network.holders).toEqual(['high']);
    expect(network.history.some(({ holders }) => holders.includes('low'))).toBe(false);
  });

  it('elects the greater address among equal priorities', () => {
    const network = new Network({ small: router(9, 100), great: router(10, 100) }, randomFrom(1));
    network.start('small');
    network.start('great');
    network.run(10_000);
    expect(network.holders).toEqual(['great']);
  });

  it.each(SEEDS)('hands over on a clean stop without a hole (seed %i)', (seed) => {
    const network = pair(seed, { advertInterval: centiseconds([1, 10, 100][seed % 3] ?? 1) });
    network.start('high');
    network.start('low');
    network.run(5000);
    // The first advert of priority 0 is lost; the second and third are there for that.
    if (seed % 2 === 0) network.loss = 1;
    const stopped = network.now;
    network.tell('high', { event: 'shutdown', reason: 'stopped' });
    network.run(1);
    network.loss = 0;
    network.run(8000);
    expect(network.holders).toEqual(['low']);
    expect(holdersSince(network, stopped)).not.toContain('');
    expect(holdersSince(network, stopped)).toEqual(['high', 'high+low', 'low']);
  });

  it('stays with the lower one when it does not preempt, also after many restarts', () => {
    const network = pair(1, { preempt: false });
    network.start('high');
    network.start('low');
    network.run(6000);
    network.tell('high', { event: 'shutdown', reason: 'stopped' });
    network.run(6000);
    expect(network.holders).toEqual(['low']);
    const time = network.now;
    for (let i = 0; i < 5; i++) {
      network.start('high');
      network.run(20_000);
      network.tell('high', { event: 'shutdown', reason: 'stopped' });
      network.run(1000);
    }
    expect(holdersSince(network, time)).toEqual(['low']);
  });

  it('bridges the death of a process: the lease lasts until the other one is there, and ends soon after', () => {
    const network = pair();
    network.start('high');
    network.start('low');
    network.run(8500);
    const died = network.now;
    network.kill('high');
    network.run(8000);
    expect(holdersSince(network, died)).toEqual(['high', 'high+low', 'low']);
    const [, both, alone] = since(network, died);
    expect((alone?.from ?? 0) - (both?.from ?? 0)).toBeLessThan(2000);
  });

  it('goes on as before when a dead process is resumed within its lease', () => {
    const network = pair();
    network.start('high');
    network.start('low');
    network.run(8500);
    const died = network.now;
    network.kill('high');
    network.run(2000);
    network.start('high', 'resume');
    network.run(8000);
    expect(holdersSince(network, died)).toEqual(['high']);
  });

  it('lets the backup follow when the priority of the active one falls', () => {
    const network = pair();
    network.start('high');
    network.start('low');
    network.run(8000);
    network.reconfigure('high', { priority: 50 });
    network.run(8000);
    expect(network.holders).toEqual(['low']);
  });

  it('survives a tenfold longer interval on the active one', () => {
    const network = pair(1, { advertInterval: centiseconds(10) });
    network.start('high');
    network.start('low');
    network.run(3000);
    const time = network.now;
    network.reconfigure('high', { advertInterval: centiseconds(100) });
    network.run(20_000);
    expect(holdersSince(network, time)).toEqual(['high']);
  });
});

describe('a router alone', () => {
  it('holds the address from its first take-over on, and drops it when it is stopped', () => {
    const network = new Network({ only: router(2, 100) }, randomFrom(1));
    network.start('only');
    network.run(60_000);
    expect(network.history.map(({ holders }) => holders.join())).toEqual(['', 'only']);
    network.tell('only', { event: 'shutdown', reason: 'stopped' });
    network.run(1299);
    expect(network.holders).toEqual(['only']);
    network.run(1);
    expect(network.holders).toEqual([]);
  });
});

describe('three routers through faults', () => {
  it.each(SEEDS)('end with the best one alone, and never with none (seed %i)', (seed) => {
    const random = randomFrom(seed);
    const interval = () => centiseconds([1, 7, 30, 100][Math.floor(random() * 4)] ?? 1);
    const network = new Network(
      {
        best: router(2, 200, { advertInterval: interval() }),
        middle: router(3, 150, { advertInterval: interval() }),
        least: router(4, 150 - Math.floor(random() * 100), {
          advertInterval: interval(),
          source: ip('10.1.1.1'),
        }),
      },
      random,
    );
    for (const name of network.names) network.start(name);
    for (let i = 0; i < 40; i++) disturb(network, random);
    network.loss = 0;
    for (const name of network.names) {
      network.place(name, 0);
      network.tell(name, { event: 'cleared', reason: 'interface eth0 is up' });
      network.start(name);
    }
    network.run(15_000);
    const settled = network.now;
    network.run(30_000);
    expect(holdersSince(network, settled)).toEqual(['best']);
    expect(new Set(network.adverts.filter(({ at }) => at > settled).map(({ from }) => from))).toEqual(
      new Set(['best']),
    );
    expect(network.stateOf('middle')?.name).toBe('backup');
    expect(network.stateOf('least')?.name).toBe('backup');
  });
});

/** One fault or repair at random, and up to two seconds for it to take effect. */
function disturb(network: Network, random: () => number): void {
  const name = network.names[Math.floor(random() * network.names.length)] ?? '';
  const faults = [
    () => network.kill(name),
    () => network.start(name),
    () => network.start(name, 'resume'),
    () => network.tell(name, { event: 'shutdown', reason: 'stopped' }),
    () => network.tell(name, { event: 'stop', reason: 'stopped at once' }),
    () => network.tell(name, { event: 'interface-lost', reason: 'interface eth0 is down' }),
    () => network.tell(name, { event: 'cleared', reason: 'interface eth0 is up' }),
    () => network.place(name, Math.floor(random() * 2)),
    () => {
      network.loss = random() * 0.6;
    },
  ];
  faults[Math.floor(random() * faults.length)]?.();
  network.run(random() * 2000);
}
