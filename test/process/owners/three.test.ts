/** Three directors with an arbiter: who must confirm that he hears the owner, and faults as they come. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { arbiter, type Director, Stage } from './stage.ts';

const VIP = '10.1.1.201';
/** Of the arbiter, in seconds: where things are to happen, and where a machine that stands still must not bring them about. */
const [LEASE, STEADY_LEASE] = [3, 6] as const;
const PRIORITIES = { one: 150, two: 120, three: 100 } as const;

const yaml = (name: Director['name'], interval = '250ms', lease: number = LEASE) => `
virtual_routers:
  web: { interface: eth0, vrid: 1, priority: ${PRIORITIES[name]}, advert_interval: ${interval}, addresses: [${VIP}/24] }
${arbiter(lease, 3)}`;
/** Without etcd an owner that stands still for two of these intervals must let go, which a busy machine must not bring about. */
const steady = (name: Director['name']) => yaml(name, '1s', STEADY_LEASE);

let stage: Stage;
let one: Director;
let two: Director;
let three: Director;

beforeAll(async () => {
  stage = await Stage.build(3);
  await stage.startEtcd();
  one = stage.director('one');
  two = stage.director('two');
  three = stage.director('three');
  for (const director of stage.directors) await director.start(steady(director.name));
  await settled();
});
afterAll(() => stage.close());

/** The first has it, and both others hear it. */
async function settled(): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(stage.owners.ownersOf(VIP)).toEqual(['one']);
      for (const { daemon } of [two, three]) {
        const [router] = (await daemon.status()).virtualRouters;
        expect(router?.explanation).toMatch(/^heard 10\.1\.1\.1 priority 150/);
      }
    },
    { timeout: 60_000, interval: 300 },
  );
}

/** Repeatable: mulberry32, of which any seed will do. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('three directors', () => {
  it('the owner stays without etcd while both others hear it, and goes when one of them does not', async () => {
    const since = stage.owners.changes.mark;
    await one.back.disconnect();
    await delay(STEADY_LEASE * 1000 * 1.5);
    expect(stage.owners.changes.all.slice(since)).toEqual([]);
    await three.back.disconnect();
    await three.lan.disconnect();
    await stage.owners.become(VIP, []);
    // Of the two that are left together the other one reaches etcd.
    await stage.owners.become(VIP, ['two']);
    for (const port of [one.back, three.lan, three.back]) await port.connect();
    await settled();
    expect(stage.owners.doubles(VIP)).toEqual([]);
  });

  it('never have two owners, whatever is cut off or stands still, and one in the end', async () => {
    for (const { name, daemon } of stage.directors) {
      await daemon.configure(yaml(name));
      expect((await daemon.reload()).applied).toBe(true);
    }
    await settled();
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const pids = new Map<Director, readonly number[]>();
    for (const director of stage.directors) pids.set(director, await director.pids());
    const story: string[] = [];
    const cut = new Set<string>();
    for (let step = 0; step < 24; step++) {
      const director = stage.directors[Math.floor(random() * 3)] ?? one;
      const what = (['lan', 'lan', 'back', 'still'] as const)[Math.floor(random() * 4)] ?? 'lan';
      const key = `${director.name} ${what}`;
      const on = cut.has(key);
      if (on) cut.delete(key);
      else cut.add(key);
      story.push(`${key} ${on ? 'ends' : 'begins'}`);
      if (what === 'still') await director.signal(on ? 'SIGCONT' : 'SIGSTOP', pids.get(director));
      else await (on ? director[what].connect() : director[what].disconnect());
      await delay(100 + random() * 1000);
    }
    for (const director of stage.directors) {
      await director.signal('SIGCONT', pids.get(director));
      if (cut.has(`${director.name} lan`)) await director.lan.connect();
      if (cut.has(`${director.name} back`)) await director.back.connect();
    }
    await settled();
    expect(stage.owners.doubles(VIP), `seed ${seed}: ${story.join(', ')}`).toEqual([]);
  });
});
