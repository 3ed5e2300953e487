/** The faults of a scenario, each with its end, and the calm that follows the last. */
import type { Random } from './random.ts';
import type { Extent, Fault, Setting } from './setting.ts';

type Base = Omit<Setting, 'faults' | 'calmAt' | 'etcdFailsAt'>;

interface Stage {
  readonly setting: Base;
  readonly random: Random;
  readonly faults: Fault[];
  /** About one advert interval, in milliseconds; what faults are spaced by. */
  readonly beat: number;
  readonly end: number;
}

export function faultsOf(setting: Base, random: Random): Pick<Setting, 'faults' | 'calmAt' | 'etcdFailsAt'> {
  const interval = 10 * (setting.directors[0]?.routers[0]?.advertInterval ?? 100);
  // Guards count in seconds.
  const shortest = setting.arbiter === undefined ? 100 : 500;
  const beat = Math.min(1000, Math.max(shortest, interval));
  // Its wait and its lease come before anybody is active.
  const etcdOnly = setting.arbiter !== undefined && random.chance(0.12);
  const warmUp = etcdOnly ? 20_000 : 0;
  const start = warmUp + beat * random.between(0, 8);
  const calmAt = start + beat * random.between(8, 35);
  const stage: Stage = { setting, random, faults: [], beat, end: calmAt };
  for (const director of setting.directors.keys()) {
    stage.faults.push({ at: random.between(0, beat), fault: 'start', director });
  }
  if (etcdOnly) {
    for (let i = 0; i < 3; i++)
      onArbiter(stage, random.between(start, calmAt), random.whole(0, setting.directors.length - 1));
    return { faults: stage.faults.toSorted((a, b) => a.at - b.at), calmAt, etcdFailsAt: start };
  }
  const count = random.whole(1, 12);
  for (let i = 0; i < count; i++) befall(stage, random.between(start, calmAt));
  if (random.chance(0.6)) misfortune(stage, random.between(start, calmAt));
  stage.faults.push(...repairs(stage));
  // What has the same time stays in the order of its entry, here and in the agenda.
  return { faults: stage.faults.toSorted((a, b) => a.at - b.at), calmAt, etcdFailsAt: undefined };
}

function befall(stage: Stage, at: number): void {
  const { random, setting } = stage;
  const director = random.whole(0, setting.directors.length - 1);
  const network = random.whole(0, setting.networks - 1);
  const kinds = [onProcess, onProcess, onProcess, onNetwork, onNetwork, onNetwork, onSurroundings, byHand];
  if (setting.arbiter !== undefined) kinds.push(onArbiter, onArbiter);
  if (setting.fencing !== undefined) kinds.push(onAgent);
  random.pick(kinds)(stage, at, director, network);
}

/** Several faults of one director, one hard upon the other: where rules for one of them do not see the other. */
function misfortune(stage: Stage, at: number): void {
  const { random, setting, beat } = stage;
  const director = random.whole(0, setting.directors.length - 1);
  const network = random.whole(0, setting.networks - 1);
  if (setting.arbiter !== undefined && random.chance(0.5)) {
    lostAltogether(stage, at, director);
    return;
  }
  const kinds = [onProcess, onNetwork, apart, byHand, onSurroundings];
  if (setting.arbiter !== undefined) kinds.push(onArbiter, onArbiter);
  const count = random.whole(2, 4);
  let next = at;
  for (let i = 0; i < count; i++) {
    random.pick(kinds)(stage, next, director, network);
    next = Math.min(stage.end, next + beat * random.pick([0, 0.1, 1, 3]) * random.next());
  }
}

/** Cut off from the arbiter, then from the others, and then it stands still: each at the worst time for the last. */
function lostAltogether({ random, faults, setting, end }: Stage, at: number, director: number): void {
  const cutAt = at + random.between(0, setting.ttl);
  const stillAt = cutAt + random.between(0, setting.ttl);
  const over = stillAt + random.between(1000, 12_000);
  const extent = random.pick(['vrrp', 'all'] as const);
  if (random.chance(0.7)) faults.push({ at: Math.min(at, end), fault: 'etcd-of', director, up: false });
  faults.push({ at: Math.min(cutAt, end), fault: 'partition', side: [director] });
  faults.push({ at: Math.min(stillAt, end), fault: 'pause', director, extent });
  faults.push({ at: Math.min(over, end), fault: 'continue', director, jump: true });
  faults.push({ at: Math.min(over, end), fault: 'heal-all' });
}

/** This one is cut off from all others. */
function apart(stage: Stage, at: number, director: number): void {
  stage.faults.push(
    { at, fault: 'partition', side: [director] },
    { at: later(stage, at), fault: 'heal-all' },
  );
}

/** From half a beat to ten of them later, and before the calm. */
const later = ({ random, beat, end }: Stage, at: number): number =>
  Math.min(end, at + beat * random.pick([0.5, 1, 2, 3, 5, 10]) * random.between(0.5, 1.5));

const EXTENTS: readonly Extent[] = ['vrrp', 'vrrp', 'all', 'machine'];

function onProcess(stage: Stage, at: number, director: number): void {
  const { random, faults } = stage;
  const extent = random.pick(EXTENTS);
  const end = later(stage, at);
  switch (random.whole(0, 3)) {
    case 0:
      faults.push({ at, fault: 'kill', director, extent }, { at: end, fault: 'start', director });
      break;
    case 1:
      faults.push({ at, fault: 'stop', director }, { at: end, fault: 'start', director });
      break;
    case 2:
      faults.push({ at, fault: 'busy', director, most: stage.beat * random.between(0.1, 1) });
      faults.push({ at: end, fault: 'busy', director, most: 1 });
      break;
    default: {
      // A lease is counted by the clock: one that stands still with the machine can keep no arbiter's promise.
      const jump = stage.setting.arbiter !== undefined || random.chance(0.5);
      faults.push({ at, fault: 'pause', director, extent }, { at: end, fault: 'continue', director, jump });
    }
  }
}

function onNetwork(stage: Stage, at: number, director: number, network: number): void {
  const { random, faults, setting } = stage;
  const to = (director + random.whole(1, setting.directors.length - 1)) % setting.directors.length;
  const end = later(stage, at);
  switch (random.whole(0, 5)) {
    case 0:
      faults.push({ at, fault: 'cut', network, from: director, to });
      faults.push({ at: end, fault: 'heal', network, from: director, to });
      break;
    case 1:
      faults.push(
        { at, fault: 'cut', network, from: director, to },
        { at, fault: 'cut', network, from: to, to: director },
      );
      faults.push({ at: end, fault: 'heal', network, from: director, to });
      faults.push({ at: end, fault: 'heal', network, from: to, to: director });
      break;
    case 2:
      faults.push({ at, fault: 'partition', side: sideOf(stage) }, { at: end, fault: 'heal-all' });
      break;
    case 3:
      faults.push({ at, fault: 'loss', network, rate: random.pick([0.05, 0.3, 0.6, 1]) });
      faults.push({ at: end, fault: 'loss', network, rate: 0 });
      break;
    case 4:
      faults.push({ at, fault: 'duplicates', network, rate: 0.3 });
      faults.push({ at: end, fault: 'duplicates', network, rate: 0 });
      break;
    default:
      faults.push({ at, fault: 'jitter', network, most: jitterOf(stage) });
      faults.push({ at: end, fault: 'jitter', network, most: 0 });
  }
}

/** With an arbiter packets stay within what its rule allows for. */
const jitterOf = ({ random, setting, beat }: Stage): number =>
  setting.arbiter === undefined ? beat * random.between(0.1, 2) : random.between(1, 50);

function sideOf({ random, setting }: Stage): readonly number[] {
  const all = random.shuffled([...setting.directors.keys()]);
  return all.slice(0, random.whole(1, all.length - 1));
}

function onSurroundings(stage: Stage, at: number, director: number, network: number): void {
  const { random, faults, setting } = stage;
  const names = (setting.directors[0]?.routers ?? []).flatMap(({ track }) => track.map(({ name }) => name));
  const end = later(stage, at);
  if (names.length > 0 && random.chance(0.6)) {
    const name = random.pick(names);
    faults.push({ at, fault: 'track', director, name, up: random.chance(0.3) });
    faults.push({ at: end, fault: 'track', director, name, up: random.chance(0.7) });
  } else if (random.chance(0.6)) {
    faults.push({ at, fault: 'link', director, network, up: false });
    faults.push({ at: end, fault: 'link', director, network, up: true });
  } else faults.push({ at, fault: 'remove-addresses', director });
}

function byHand(stage: Stage, at: number, director: number): void {
  const { random, faults } = stage;
  const end = later(stage, at);
  switch (random.whole(0, 2)) {
    case 0:
      faults.push({ at, fault: 'reload', director, priority: random.pick([1, 50, 99, 100, 101, 150, 254]) });
      break;
    case 1:
      faults.push({ at, fault: 'handover', director, stayDown: false });
      break;
    default:
      faults.push({ at, fault: 'handover', director, stayDown: true });
      faults.push({ at: end, fault: 'restore', director });
  }
}

function onArbiter(stage: Stage, at: number, director: number): void {
  const { random, faults } = stage;
  const end = later(stage, at);
  if (random.chance(0.5)) faults.push({ at, fault: 'etcd', up: false }, { at: end, fault: 'etcd', up: true });
  else {
    faults.push({ at, fault: 'etcd-of', director, up: false });
    faults.push({ at: end, fault: 'etcd-of', director, up: true });
  }
}

function onAgent(stage: Stage, at: number): void {
  const does = stage.random.pick(['kill', 'fail', 'hang'] as const);
  stage.faults.push(
    { at, fault: 'fence-agent', does },
    { at: later(stage, at), fault: 'fence-agent', does: 'kill' },
  );
}

/** Everything is well again, but for a few things that stay as they are. */
function repairs(stage: Stage): readonly Fault[] {
  const { setting, random, end: at } = stage;
  const faults: Fault[] = [
    { at, fault: 'heal-all' },
    { at, fault: 'fence-agent', does: 'kill' },
  ];
  if (setting.directors.length > 1 && random.chance(0.1)) {
    const all = random.shuffled([...setting.directors.keys()]);
    faults.push({ at, fault: 'partition', side: all.slice(0, random.whole(1, all.length - 1)) });
  }
  for (let network = 0; network < setting.networks; network++) {
    faults.push({ at, fault: 'loss', network, rate: 0 }, { at, fault: 'duplicates', network, rate: 0 });
    faults.push({ at, fault: 'jitter', network, most: 0 });
  }
  if (random.chance(0.85)) faults.push({ at, fault: 'etcd', up: true });
  for (const director of setting.directors.keys()) {
    faults.push({ at, fault: 'busy', director, most: 1 });
    if (random.chance(0.9)) faults.push({ at, fault: 'etcd-of', director, up: true });
    if (random.chance(0.9)) faults.push({ at, fault: 'continue', director, jump: true });
    if (random.chance(0.9)) faults.push({ at, fault: 'start', director });
    if (random.chance(0.8)) faults.push({ at, fault: 'restore', director });
    for (let network = 0; network < setting.networks; network++) {
      if (random.chance(0.95)) faults.push({ at, fault: 'link', director, network, up: true });
    }
  }
  if (!faults.some(({ fault }) => fault === 'partition')) faults.push(...deafness(stage));
  return faults;
}

/**
 * Two that were apart meet again, but one does not hear the other any more on one of their paths; there is another path
 * between them. Mostly where their priorities are equal, so that addresses decide, which differ on each path.
 */
function deafness({ setting: { directors }, random, beat, end: at }: Stage): readonly Fault[] {
  const [first, second] = directors;
  const equal = first?.routers.every(({ priority }, i) => priority === second?.routers[i]?.priority);
  if (first === undefined || !random.chance(equal === true ? 0.6 : 0.05)) return [];
  const network = networkOf(random.pick(first.routers).interface);
  const others = first.routers.every(({ heartbeat }) =>
    heartbeat.some((path) => networkOf(path.interface) !== network),
  );
  if (!others) return [];
  const [from = 0, to = 1] = random.shuffled([...directors.keys()]);
  return [
    { at: Math.max(0, at - beat * random.between(4, 12)), fault: 'partition', side: [from] },
    { at, fault: 'heal-all' },
    { at, fault: 'cut', network, from, to },
  ];
}

const networkOf = (name: string): number => Number(name.slice(3));
