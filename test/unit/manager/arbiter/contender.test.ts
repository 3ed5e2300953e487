import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Contender } from '../../../../src/manager/arbiter/contender.ts';
import { instant, seconds } from '../../../../src/model/units.ts';
import { FaultyEtcd, type Line } from './faulty-etcd.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** From being told until the end that was told, or what cut it short; in true time. */
interface Belief {
  readonly director: string;
  readonly from: number;
  to: number;
}

/** A director whose clock runs at `rate` of the true one; it crashes, gives up and comes back when told to. */
class Director {
  readonly #etcd: FaultyEtcd;
  readonly #name: string;
  readonly #rate: number;
  readonly #beliefs: Belief[];
  readonly line: Line = { faults: 0, cutOff: false };
  #life: { end: AbortController; contender: Contender; ended: Promise<void> } | undefined;

  constructor(etcd: FaultyEtcd, name: string, rate: number, beliefs: Belief[]) {
    this.#etcd = etcd;
    this.#name = name;
    this.#rate = rate;
    this.#beliefs = beliefs;
  }

  start(): void {
    if (this.#life !== undefined) return;
    const end = new AbortController();
    const contender = new Contender({
      etcd: this.#etcd.connect(this.line),
      key: 'unit',
      value: this.#name,
      lease: seconds(2),
      clock: () => instant(Date.now() * this.#rate),
      onLease: (until) => this.#told(until === undefined ? undefined : until / this.#rate),
      onFailure: () => {},
    });
    this.#life = { end, contender, ended: contender.contend(end.signal) };
  }

  /** Gives back what it has; `crash`: just ends, and its next life finds what it left. */
  stop(crash: boolean): void {
    if (this.#life === undefined) return;
    const { end, contender, ended } = this.#life;
    this.#life = undefined;
    end.abort();
    // The addresses of one that crashes stay until the end that it believed in.
    if (crash) return;
    this.#told(undefined);
    void ended.then(() => contender.release(new AbortController().signal));
  }

  #told(until: number | undefined): void {
    const now = Date.now();
    const mine = this.#beliefs.filter(({ director }) => director === this.#name);
    if (until === undefined) for (const belief of mine) belief.to = Math.min(belief.to, now);
    else this.#beliefs.push({ director: this.#name, from: now, to: until });
  }
}

/** mulberry32: numbers from 0 to 1 that are the same for each seed. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function story(seed: number): Promise<{ beliefs: readonly Belief[]; end: number }> {
  const random = generator(seed);
  vi.spyOn(Math, 'random').mockImplementation(random);
  const etcd = new FaultyEtcd(random);
  const beliefs: Belief[] = [];
  // Clocks that run too fast or too slow by four percent at most.
  const directors = ['lb1', 'lb2', 'lb3'].map(
    (name) => new Director(etcd, name, 0.96 + 0.08 * random(), beliefs),
  );
  for (const director of directors) director.start();
  for (let step = 0; step < 60; step++) {
    if (random() < 0.1) etcd.elect();
    const director = directors[Math.floor(random() * directors.length)];
    if (director !== undefined) trouble(director.line, random);
    const what = random();
    if (what < 0.2) director?.stop(what < 0.1);
    else if (what < 0.7) director?.start();
    await vi.advanceTimersByTimeAsync(random() * 1_000);
  }
  for (const director of directors) {
    Object.assign(director.line, { faults: 0, cutOff: false });
    director.start();
  }
  await vi.advanceTimersByTimeAsync(6_000);
  return { beliefs, end: Date.now() };
}

/** Often only one has any, so that another is quick to take what that one loses. */
function trouble(line: Line, random: () => number): void {
  line.faults = random() < 0.4 ? random() : 0;
  line.cutOff = random() < 0.2;
}

const overlaps = (beliefs: readonly Belief[]) =>
  beliefs.flatMap((one) =>
    beliefs
      .filter((two) => one.director < two.director && one.from < two.to && two.from < one.to)
      .map((two) => [one, two]),
  );

it('two directors never hold a unit at once, whatever is late or lost, and one does when the faults have passed', async () => {
  let held = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const { beliefs, end } = await story(seed);
      expect(overlaps(beliefs)).toEqual([]);
      expect(beliefs.filter(({ to }) => to > end)).not.toEqual([]);
      held += beliefs.length;
      vi.clearAllTimers();
    }),
    { numRuns: 60 },
  );
  // The stories have something in them.
  expect(held).toBeGreaterThan(1_000);
}, 60_000);

it('gives a unit from one to the next at once', async () => {
  const etcd = new FaultyEtcd(generator(1));
  const beliefs: Belief[] = [];
  const [one, two] = [new Director(etcd, 'lb1', 1, beliefs), new Director(etcd, 'lb2', 1, beliefs)];
  one.start();
  await vi.advanceTimersByTimeAsync(1_000);
  two.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(new Set(beliefs.map(({ director }) => director))).toEqual(new Set(['lb1']));
  one.stop(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(beliefs.at(-1)?.director).toBe('lb2');
});

it('takes up what its former life held, before its lease ends', async () => {
  const etcd = new FaultyEtcd(generator(2));
  const beliefs: Belief[] = [];
  const one = new Director(etcd, 'lb1', 1, beliefs);
  one.start();
  await vi.advanceTimersByTimeAsync(100);
  one.stop(true);
  const count = beliefs.length;
  expect(count).toBe(1);
  one.start();
  await vi.advanceTimersByTimeAsync(200);
  expect(beliefs).toHaveLength(count + 1);
});

it('is told at its next keep-alive when somebody removed its key', async () => {
  const etcd = new FaultyEtcd(generator(3));
  const beliefs: Belief[] = [];
  const one = new Director(etcd, 'lb1', 1, beliefs);
  one.start();
  await vi.advanceTimersByTimeAsync(100);
  const { from } = beliefs[0] ?? { from: 0 };
  etcd.remove('unit');
  await vi.advanceTimersByTimeAsync(1_000);
  // Cut short, and then obtained anew.
  expect(beliefs[0]?.to).toBeLessThan(from + 1_000);
  expect(beliefs).toHaveLength(2);
});
