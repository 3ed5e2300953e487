/** Many directors in many kinds of trouble: see `main.ts`, which plays more of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../src/model/units.ts';
import type { DirectorEvent } from '../../src/vrrp/director/event.ts';
import { Agenda } from './agenda.ts';
import { Kernel } from './kernel.ts';
import { Ownership } from './ownership.ts';
import { playSeeds } from './pool.ts';
import { Random } from './random.ts';
import { replay } from './replay.ts';
import { scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

const SEEDS = 1500;
const KEY = 'eth0 51 ipv4';
const EARLY_SEED = 15;

describe('the simulation', () => {
  it(`finds nothing wrong with ${SEEDS} seeds`, { timeout: 300_000 }, async () => {
    expect(await playSeeds(1, SEEDS)).toEqual([]);
  });

  it('plays the same seed the same way, line by line', () => {
    const [first, second]: [string[], string[]] = [[], []];
    simulate(7, (line) => first.push(line));
    simulate(7, (line) => second.push(line));
    expect(first).toEqual(second);
    expect(first.some((line) => line.includes('backup > active'))).toBe(true);
  });

  it('has scenarios of every kind', () => {
    const settings = Array.from({ length: 500 }, (_, seed) => scenario(seed));
    const kinds = new Set(settings.flatMap(({ faults }) => faults.map(({ fault }) => fault)));
    expect(kinds.size).toBe(22);
    expect(new Set(settings.map(({ directors }) => directors.length))).toEqual(new Set([2, 3, 4, 5]));
    expect(settings.some(({ arbiter }) => arbiter !== undefined)).toBe(true);
    expect(settings.some(({ fencing }) => fencing !== undefined)).toBe(true);
  });
});

describe('the parts of the simulation', () => {
  it('keep the order of time', () => {
    const agenda = new Agenda();
    const random = new Random(1);
    const times: number[] = [];
    for (let i = 0; i < 200; i++) agenda.add(random.between(0, 100), () => times.push(agenda.now));
    agenda.runUntil(100);
    expect(times).toHaveLength(200);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('let addresses run out unless they are renewed', () => {
    // The first number of this seed is one for an early end.
    const kernel = new Kernel(new Random(EARLY_SEED));
    const [vip] = scenario(1).directors[0]?.routers[0]?.addresses ?? [];
    if (vip === undefined) throw new Error('a scenario without an address');
    kernel.put(KEY, [vip], 4, 0);
    expect(kernel.expire(3979)).toEqual([]);
    kernel.put(KEY, [vip], 4, 3979);
    expect(kernel.expire(4000)).toEqual([]);
    expect(kernel.expire(7959)).toEqual([[KEY, [vip]]]);
    expect(kernel.has(KEY)).toBe(false);
  });

  it('know when there are two owners, or none', () => {
    const owning = new Set<string>();
    const machines = ['a', 'b'].map((name) => ({ name, owns: () => owning.has(name) }));
    const ownership = new Ownership([KEY], machines);
    ownership.note(0);
    owning.add('a');
    ownership.note(10);
    owning.add('b');
    ownership.note(20);
    owning.delete('a');
    ownership.note(25);
    ownership.close(30);
    expect(ownership.stretches).toEqual([
      { key: KEY, from: 0, to: 10, owners: [] },
      { key: KEY, from: 20, to: 25, owners: ['a', 'b'] },
    ]);
  });
});

describe('a replay', () => {
  const [router] = scenario(1).directors[0]?.routers ?? [];
  if (router === undefined) throw new Error('a scenario without a virtual router');
  const plain = {
    ...router,
    priority: 100,
    startupDelay: milliseconds(0),
    probe: 'off' as const,
    track: [],
    addresses: router.addresses.slice(0, 1),
  };
  const condition = { obstacle: undefined, source: '10.1.1.2', room: 255 };
  const configure = {
    type: 'configure',
    network: { routers: [plain], groups: [], arbiter: undefined, fencing: undefined },
    conditions: { [`${plain.interface} 51 ipv4`]: condition },
    resume: [],
    standby: [],
  } as unknown as DirectorEvent;

  const replayed = (...lines: readonly unknown[]): readonly string[] => {
    const directory = mkdtempSync(join(tmpdir(), 'vipward-replay-'));
    const file = join(directory, 'recording');
    const written: string[] = [];
    try {
      writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      replay(file, (line) => written.push(line));
      return written;
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  it('says what the same director does with what was recorded', () => {
    const lines = replayed(
      { vipward: '1.2.3', recording: 1 },
      { at: 5000, event: configure },
      { at: 6000, event: { type: 'timer' } },
      { at: 500_000, event: { type: 'timer' } },
      { at: 500_001, event: { type: 'stop', reason: 'stopped' } },
    );
    expect(lines).toHaveLength(4);
    expect(lines[0]).toBe('recorded by vipward 1.2.3');
    expect(lines[1]).toMatch(/^ {7}0\.0 configure vip0=100 => .*initialize > backup \(started\)$/);
    expect(lines[2]).toMatch(/^ {2}495000\.0 timer => .*sends advert 100; .*backup > active/);
    expect(lines[3]).toMatch(
      /^ {2}495001\.0 stop: stopped => .*sends advert 0; .*active > releasing \(stopped\)$/,
    );
  });

  it('refuses what is no recording', () => {
    expect(() => replayed({ vipward: '1.2.3', recording: 2 })).toThrow('line 1 does not say "recording": 1');
    expect(() => replay('/dev/null', () => undefined)).toThrow('/dev/null: line 1 is no JSON');
  });
});
