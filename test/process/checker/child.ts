import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import type { CheckTarget, Health } from '../../../src/model/check.ts';
import {
  type CheckerToManager,
  type ManagerToChecker,
  MESSAGE_VERSION,
  type Versioned,
} from '../../../src/model/messages.ts';

export const ENTRY = new URL('./entry.ts', import.meta.url);

export interface CheckerChild {
  readonly process: ChildProcess;
  readonly pid: number;
  /** All that it said, in order. */
  readonly heard: readonly Versioned<CheckerToManager>[];
  send(message: ManagerToChecker): void;
  /** The first message, said or yet to say, that `wanted` accepts; rejects when the process ends before. */
  hear<T extends CheckerToManager['type']>(
    type: T,
    wanted?: (message: Extract<CheckerToManager, { type: T }>) => boolean,
  ): Promise<Extract<CheckerToManager, { type: T }>>;
  /** Exit code or signal. */
  readonly ended: Promise<number | string | null>;
}

/** Starts a checker process that is gone when the test is; `wrapper` is a command that runs Node in its place. */
export function startChecker(
  environment: NodeJS.ProcessEnv = {},
  entry: URL | string = ENTRY,
  wrapper: readonly string[] = [],
): CheckerChild {
  const [execPath = process.execPath, ...execArgv] = [
    ...wrapper,
    process.execPath,
    '--max-semi-space-size=2',
  ];
  const child = fork(entry, [], {
    execPath,
    execArgv,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const heard: Versioned<CheckerToManager>[] = [];
  child.on('message', (message) => heard.push(message as Versioned<CheckerToManager>));
  const ended = once(child, 'exit').then(
    ([code, signal]: (number | string | null)[]) => code ?? signal ?? null,
  );
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    process: child,
    pid: child.pid ?? 0,
    heard,
    ended,
    send: (message) => void child.send({ ...message, v: MESSAGE_VERSION }),
    hear: (type, wanted = () => true) =>
      new Promise((resolve, reject) => {
        type Message = Extract<CheckerToManager, { type: typeof type }>;
        const take = (message: unknown): void => {
          const said = message as CheckerToManager;
          if (said.type === type && wanted(said as Message)) resolve(said as Message);
        };
        for (const message of heard) take(message);
        child.on('message', take);
        child.once('exit', () => reject(new Error(`the checker ended; it said ${JSON.stringify(heard)}`)));
      }),
  };
}

/** A ready checker with these targets. */
export async function checking(
  targets: readonly CheckTarget[],
  health: Readonly<Record<string, Health>> = {},
  environment: NodeJS.ProcessEnv = {},
): Promise<CheckerChild> {
  const child = startChecker(environment);
  await child.hear('ready');
  child.send({ type: 'targets', targets, health });
  return child;
}

export const run = promisify(execFile);
