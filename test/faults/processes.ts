/** Faults of the daemon's own processes: killed, or standing still. */
import { type Director, ROLES, type Role } from './director.ts';
import type { Fault } from './fault.ts';

type Who = Role | 'all';

const TITLES: Readonly<Record<Who, string>> = {
  manager: 'the manager (of keepalived: the parent)',
  vrrp: 'the vrrp process',
  checker: 'a checker',
  all: 'every process',
};

const pidsOf = async (director: Director, who: Who): Promise<readonly number[]> =>
  who === 'all' ? director.allPids() : [await director.pidOf(who)];

/** A checker exists only where there is IPVS. */
const placeOf = (who: Who): Partial<Fault> =>
  who === 'checker' ? { place: 'kernels', plan: { service: true } } : {};

const killed = (who: Who): Fault => ({
  name: `kill-${who}`,
  title: `SIGKILL of ${TITLES[who]}`,
  ...placeOf(who),
  lasts: 12,
  prepare: async ({ a }) => {
    const pids = await pidsOf(a, who);
    return async () => {
      // One that saw another die first could still say farewell.
      await a.signal(pids, 'STOP', 'KILL');
      return undefined;
    };
  },
});

const stopped = (who: Who): Fault => ({
  name: `stop-${who}`,
  title: `SIGSTOP of ${TITLES[who]}, SIGCONT after 8 s`,
  ...placeOf(who),
  lasts: 8,
  after: 8,
  prepare: async ({ a }) => {
    const pids = await pidsOf(a, who);
    return async () => {
      await a.signal(pids, 'STOP');
      // One that was killed in the meantime is no longer there.
      return () => a.node.run(`kill -CONT ${pids.join(' ')} 2>/dev/null; true`);
    };
  },
});

const everybody: readonly Who[] = [...ROLES, 'all'];

export const processFaults: readonly Fault[] = [...everybody.map(killed), ...everybody.map(stopped)];
