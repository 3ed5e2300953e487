/** A process with an arbiter client alone, so that it can be killed and stopped; and how tests talk to it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import type { ArbiterStatus } from '../../../src/manager/arbiter/client.ts';
import type { Arbiter } from '../../../src/model/guard.ts';
import { type Instant, seconds } from '../../../src/model/units.ts';
import type { EtcdServer } from './etcd-server.ts';

/** The least that etcd grants. */
export const LEASE = 2;

export interface Setup {
  readonly arbiter: Arbiter;
  readonly director: string;
  readonly identity: string;
}

export const arbiterOf = (servers: readonly EtcdServer[], more: Partial<Arbiter> = {}): Arbiter => ({
  etcd: servers.map(({ url }) => url) as [string, ...string[]],
  lease: seconds(LEASE),
  prefix: '/vipward/',
  directors: 2,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  login: undefined,
  ...more,
});

export const setupOf = (director: string, arbiter: Arbiter): Setup => ({
  arbiter,
  director,
  identity: `identity of ${director}`,
});

export type ToDirector =
  | { readonly type: 'want'; readonly unit: string; readonly wanted: boolean }
  | { readonly type: 'status' }
  | { readonly type: 'close' };

export type FromDirector =
  /** `at`: when its process was told. */
  | {
      readonly type: 'lease';
      readonly unit: string;
      readonly heldUntil: Instant | undefined;
      readonly contended: boolean;
      readonly at: Instant;
    }
  | { readonly type: 'status'; readonly status: ArbiterStatus }
  | { readonly type: 'log'; readonly level: string; readonly message: string }
  | { readonly type: 'closed' };

type Of<Type extends FromDirector['type']> = Extract<FromDirector, { type: Type }>;
export type Lease = Of<'lease'>;

export interface Director {
  readonly process: ChildProcess;
  /** All that it said, in order. */
  readonly heard: readonly FromDirector[];
  want(unit: string, wanted?: boolean): void;
  status(): Promise<ArbiterStatus>;
  close(): Promise<void>;
  kill(): Promise<void>;
  /** The first message after number `from` of `heard` that `wanted` accepts. */
  hear<Type extends FromDirector['type']>(
    type: Type,
    wanted?: (message: Of<Type>) => boolean,
    from?: number,
  ): Promise<Of<Type>>;
}

export async function startDirector(setup: Setup): Promise<Director> {
  const child = fork(new URL('./entry.ts', import.meta.url), [JSON.stringify(setup)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  // One for each question that a test waits with.
  child.setMaxListeners(0);
  const heard: FromDirector[] = [];
  child.on('message', (message) => heard.push(message as FromDirector));
  const ended = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  const director: Director = {
    process: child,
    heard,
    kill,
    want: (unit, wanted = true) => tell(child, { type: 'want', unit, wanted }),
    status: async () => {
      const answer = director.hear('status', undefined, heard.length);
      tell(child, { type: 'status' });
      return (await answer).status;
    },
    close: async () => {
      tell(child, { type: 'close' });
      await director.hear('closed');
    },
    hear: (type, wanted = () => true, from = 0) =>
      new Promise((resolve, reject) => {
        const take = (message: unknown): void => {
          const said = message as FromDirector;
          if (said.type !== type || !wanted(said as Of<typeof type>)) return;
          child.off('message', take);
          resolve(said as Of<typeof type>);
        };
        for (const message of heard.slice(from)) take(message);
        child.on('message', take);
        child.once('exit', () => reject(new Error(`the director ended; it said ${JSON.stringify(heard)}`)));
      }),
  };
  return director;
}

const tell = (child: ChildProcess, message: ToDirector): void => void child.send(message);

/** That `unit` is its own, as it was told first after number `from`. */
export const held = (director: Director, unit: string, from = 0): Promise<Lease> =>
  director.hear('lease', (lease) => lease.unit === unit && lease.heldUntil !== undefined, from);

/** The last that it was told of `unit`. */
export const leasesOf = (director: Director, unit: string): readonly Lease[] =>
  director.heard.filter((message) => message.type === 'lease').filter((lease) => lease.unit === unit);

export const lastLease = (director: Director, unit: string): Lease | undefined =>
  leasesOf(director, unit).at(-1);
