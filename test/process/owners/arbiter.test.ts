/** With an arbiter: never two owners, whatever fails and in whatever order; and the loss of etcd alone costs nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { arbiter, type Director, Stage } from './stage.ts';

const FAST = '10.1.1.201';
const SLOW = '2001:db8::202';
const VIPS = [FAST, SLOW] as const;
/** Of the arbiter, in seconds. */
const LEASE = 5;

/** Without etcd a holder that stands still for two of these intervals must let go, which a busy machine must not bring about. */
const yaml = (priority: number) => `
virtual_routers:
  fast: { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 1s, preempt: false,
    addresses: [${FAST}/24] }
  slow: { interface: eth0, vrid: 2, priority: ${priority}, advert_interval: 1500ms, preempt: false,
    addresses: ["fe80::202/64", "${SLOW}/64"] }
${arbiter(LEASE)}`;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build(2);
  await stage.startEtcd();
  const [one, two] = stage.directors;
  await one?.start(yaml(150));
  await owned('one');
  await two?.start(yaml(100));
  await settled();
});
afterAll(() => stage.close());

/** All VIPs are on this director alone. */
async function owned(name: string): Promise<void> {
  for (const vip of VIPS) await stage.owners.become(vip, [name]);
}

/** Both daemons run, one has all, and the other hears it: then the next fault may come. */
async function settled(): Promise<void> {
  const words = async ({ daemon }: Director) => {
    const { virtualRouters } = await daemon.status();
    const hears = virtualRouters.every(({ explanation }) => explanation.startsWith('heard'));
    return `${virtualRouters.map(({ state }) => state).join()}${hears ? ' and hears it' : ''}`;
  };
  await vi.waitFor(
    async () => {
      const all = await Promise.all(stage.directors.map(words));
      // A machine that stood still for longer than fast may and slow may not: nothing but a command joins them again.
      const fast = all.indexOf('active,backup');
      if (fast >= 0 && all.includes('backup,active')) await stage.directors[fast]?.daemon.command('handover');
      expect(all.toSorted()).toEqual(['active,active', 'backup,backup and hears it']);
    },
    { timeout: 60_000, interval: 300 },
  );
}

function parts(): { readonly holder: Director; readonly other: Director } {
  const [name = ''] = stage.owners.ownersOf(FAST);
  const holder = stage.director(name);
  const other = stage.directors.find((each) => each !== holder);
  if (other === undefined) throw new Error('there is no other');
  return { holder, other };
}

type Heal = () => Promise<unknown>;
type Inflict = (holder: Director, other: Director) => Promise<Heal>;

const cut = async (...ports: readonly Director['lan'][]): Promise<Heal> => {
  for (const port of ports) await port.disconnect();
  return async () => {
    for (const port of ports) await port.connect();
  };
};
const inTurn =
  (...faults: readonly Inflict[]): Inflict =>
  async (holder, other) => {
    const heals: Heal[] = [];
    for (const fault of faults) heals.push(await fault(holder, other));
    return async () => {
      for (const heal of heals.toReversed()) await heal();
    };
  };
const noLan: Inflict = (holder) => cut(holder.lan);
const noEtcd: Inflict = (holder) => cut(holder.back);
/** Lets a state last for more than a lease of the arbiter, in which nothing may change hands. */
const whileNothingMoves: Inflict = async (holder) => {
  const since = stage.owners.changes.mark;
  await delay(LEASE * 1000 * 1.3);
  expect(stage.owners.changes.all.slice(since), 'nothing changes hands').toEqual([]);
  expect(stage.owners.ownersOf(FAST)).toEqual([holder.name]);
  return async () => undefined;
};
const stopped =
  (choose: (director: Director) => Promise<readonly number[]>): Inflict =>
  async (holder) => {
    const pids = await choose(holder);
    await holder.signal('SIGSTOP', pids);
    return async () => {
      for (const pid of pids) {
        // The manager may have killed the vrrp process meanwhile.
        try {
          process.kill(pid, 'SIGCONT');
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      }
    };
  };
const manager = async ({ daemon }: Director) => [daemon.process.pid];
const vrrp = async ({ daemon }: Director) => [await daemon.pidOf('vrrp')];
const all = (director: Director) => director.pids();
const killed =
  (choose: (director: Director) => Promise<readonly number[]>): Inflict =>
  async (holder) => {
    const pids = await choose(holder);
    await holder.signal('SIGSTOP', pids);
    await holder.signal('SIGKILL', pids);
    return async () => {
      await holder.daemon.process.exit;
      await holder.start(yaml(100));
    };
  };

const MOVES: readonly (readonly [string, Inflict])[] = [
  ['partition, and a lease later etcd away from the holder', inTurn(noLan, whileNothingMoves, noEtcd)],
  ['etcd away from the holder, and a lease later a partition', inTurn(noEtcd, whileNothingMoves, noLan)],
  ['etcd and the network lost at once', inTurn(noEtcd, noLan)],
  ['SIGSTOP of all of its processes', stopped(all)],
  ['SIGSTOP of all of its processes in a partition', inTurn(noLan, stopped(all))],
  ['SIGSTOP of its vrrp process', stopped(vrrp)],
  ['SIGSTOP of its manager, then a partition', inTurn(stopped(manager), noLan)],
  ['SIGKILL of all of its processes', killed(all)],
  ['SIGKILL of its manager', killed(manager)],
  ['SIGKILL of its manager in a partition', inTurn(noLan, killed(manager))],
];

describe('two directors with an arbiter', () => {
  it.each(MOVES)('%s: the other takes over, never both', async (_name, inflict) => {
    const { holder, other } = parts();
    const since = stage.owners.changes.mark;
    const heal = await inflict(holder, other);
    await owned(other.name);
    await heal();
    await settled();
    for (const vip of VIPS) expect(stage.owners.doubles(vip, since)).toEqual([]);
  });
});
