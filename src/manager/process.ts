/** The manager process: from the command line to the exit code, with its signals and its service manager. */
import { join } from 'node:path';
import { SOCKET_NAME } from '../control/api.ts';
import { type ControlServer, serveControl } from '../control/server.ts';
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { formatProblem } from '../model/problem.ts';
import { makeDirectory } from '../sys/directory.ts';
import { exitAtOnce } from '../sys/exit.ts';
import { tryFileLock } from '../sys/file-lock.ts';
import { sdNotify } from '../sys/notify.ts';
import { readVersion } from '../version.ts';
import { type LoadedConfiguration, loadFile } from './configuration.ts';
import { logProblems } from './configuration-in-force.ts';
import { KeptConfiguration } from './kept-configuration.ts';
import { createLogger } from './log.ts';
import { Manager } from './manager.ts';

export interface ManagerProcessOptions {
  readonly config: string;
  readonly runtimeDir: string;
  readonly stateDir: string;
  /** Where the events of VRRP are recorded; undefined: nowhere. */
  readonly record?: string;
}

/** EX_CONFIG of <sysexits.h>: the file was refused. Starting again is of no use until somebody has mended it. */
const BAD_CONFIGURATION = 78;

/**
 * Runs until it is told to stop. The exit code: 0 after an orderly stop, 78 when the file was refused, 1 when it could
 * not start for another reason or broke.
 */
export async function runManager(options: ManagerProcessOptions): Promise<number> {
  // What `ps` and `systemctl status` show; Node calls every process of its own the same.
  process.title = 'vipward manager';
  // On a full disk, say: what cannot be told is no reason not to serve.
  process.stderr.on('error', () => undefined);
  const kept = new KeptConfiguration(options.stateDir);
  const loaded = await loadFile(options.config, kept);
  // In one piece: a thousand small ones take their time.
  process.stderr.write(loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
  if (!isUsable(loaded)) return BAD_CONFIGURATION;
  const { log, flush } = createLogger(loaded.config.director.name);
  const manager = new Manager({
    file: options.config,
    stateDir: options.stateDir,
    initial: loaded,
    log,
    record: options.record,
    kept,
  });
  // The socket first: it is also the lock against a second daemon, which must not touch the kernel.
  let control: ControlServer;
  try {
    control = await serveControl(join(options.runtimeDir, SOCKET_NAME), manager, log);
  } catch (error) {
    process.stderr.write(`vipward: ${(error as Error).message}\n`);
    return 1;
  }
  const state = lockState(options.stateDir);
  if (state === 'taken') {
    process.stderr.write(
      `vipward: another vipward uses the state directory ${options.stateDir}: give each its own by --state-dir\n`,
    );
    await control.close();
    return 1;
  }
  // Whether the file was taken as it was read by a former process.
  log('info', `vipward ${readVersion()} starts`, {
    file: options.config,
    kept: loaded.answers === undefined,
  });
  logProblems(log, loaded.problems);
  const watchdog = tellServiceManager(manager, log);
  const outcome = await serve(manager, log);
  clearInterval(watchdog);
  await control.close();
  log('info', 'vipward has stopped', { exitCode: outcome });
  if (!(await flush())) exitAtOnce(outcome);
  return outcome;
}

/**
 * Two would overwrite what each remembers to put back. A directory that cannot be written to costs no more than what is
 * not remembered, which those say who would write it. The kernel holds the lock for as long as this process lives.
 */
function lockState(directory: string): 'ours' | 'taken' {
  try {
    makeDirectory(directory);
    return tryFileLock(join(directory, 'lock')) === undefined ? 'taken' : 'ours';
  } catch {
    return 'ours';
  }
}

const isUsable = (loaded: LoadedConfiguration): loaded is LoadedConfiguration & { config: Config } =>
  loaded.config !== undefined;

async function serve(manager: Manager, log: Log): Promise<number> {
  const ended = stopRequest(log);
  process.on('SIGHUP', () => {
    log('info', 'SIGHUP: reloading');
    manager.reload().catch((error: Error) => log('error', `reload failed: ${error.message}`));
  });
  let stopping = false;
  void ended.then(() => {
    stopping = true;
  });
  const started = manager.start().then(() => {
    if (stopping) return;
    notify(log, `READY=1\nSTATUS=${manager.summary()}`);
    log('info', 'vipward is ready');
  });
  // Told to stop while it still starts, it does not finish that first.
  await Promise.race([started, ended]);
  const code = await ended;
  notify(log, 'STOPPING=1\nSTATUS=handing over');
  await manager.stop();
  return code;
}

/** Resolves with the exit code to come when it is time to stop. */
function stopRequest(log: Log): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log('info', `${signal}: handing over, then stopping`);
      resolve(0);
    });
  }
  // What nobody foresaw: the addresses are handed over in order, and the service manager starts us again.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      log('error', `this is a defect of vipward: ${message}`, { event, stack });
      resolve(1);
    });
  }
  return promise;
}

/**
 * Beats the watchdog, with the state in a line beside. More often than at half its time, as sd_watchdog_enabled(3) asks:
 * where the machine is paused, all that is left of that time may pass at once.
 */
function tellServiceManager(manager: Manager, log: Log): NodeJS.Timeout | undefined {
  const limit = Number(process.env.WATCHDOG_USEC ?? 0) / 1000;
  if (!(limit > 0)) return undefined;
  return setInterval(() => notify(log, `WATCHDOG=1\nSTATUS=${manager.summary()}`), limit / 6);
}

function notify(log: Log, text: string): void {
  try {
    sdNotify(text);
  } catch (error) {
    log('warn', `cannot tell the service manager: ${(error as Error).message}`);
  }
}
