/**
 * Runs a program of the administrator's: without a shell, as the user that it is meant for, in a process group of its
 * own, with nothing of ours but what it is given, and for a limited time.
 *
 * Supplementary groups are taken away from a user other than root, as keepalived does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fchmodSync } from 'node:fs';
import { type Milliseconds, milliseconds } from '../../model/units.ts';
import { patiently } from '../../sys/patience.ts';
import { openPipe, type Pipe } from '../../sys/pipe.ts';
import { type Identity, resolveIdentity } from './identity.ts';
import { Output } from './output.ts';
import { RefusedProgram, type Run, type RunOutcome, type RunRequest } from './program.ts';
import { findProgram, mustBeRootsOwn, SEARCH_PATH } from './trusted-path.ts';
import { turnToStart } from './turns.ts';

const GRACE = milliseconds(2_000);
/** A process that not even SIGKILL ends sits in the kernel (a dead disk, say): it is no longer waited for. */
const BURIAL = milliseconds(5_000);
/** How long the last of the output may take once the program has ended: its children may hold the pipe for ever. */
const LAST_WORDS = milliseconds(100);
/** What the machine lacks when it cannot start a process. */
const BUSY = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']);

/** Runs one program; see `Run`. */
export const runProgram: Run = async (request) => {
  try {
    const prepared = await prepare(request);
    await turnToStart();
    if (request.signal?.aborted === true) return { kind: 'aborted', output: '' };
    return await start(request, prepared);
  } catch (cause) {
    return notStarted(cause);
  }
};

interface Prepared {
  readonly path: string;
  readonly identity: Identity;
}

async function prepare({ command, user, group }: RunRequest): Promise<Prepared> {
  const [program] = command;
  if (program === undefined) throw new RefusedProgram('the command is empty');
  const identity = await resolveIdentity({ user, group });
  const path = await findProgram(program);
  if (identity.uid === 0) await mustBeRootsOwn(path);
  return { path, identity };
}

function notStarted(cause: unknown): RunOutcome {
  const error = cause instanceof Error ? (cause as NodeJS.ErrnoException) : new Error(String(cause));
  const code = 'code' in error ? String(error.code) : '';
  return { kind: 'not-started', busy: BUSY.has(code), reason: error.message };
}

async function start(request: RunRequest, prepared: Prepared): Promise<RunOutcome> {
  const pipe = openPipe();
  let child: ChildProcess;
  try {
    child = spawnChild(request, prepared, pipe);
  } catch (cause) {
    closeSync(pipe.readEnd);
    throw cause;
  } finally {
    closeSync(pipe.writeEnd);
  }
  const output = new Output(pipe.readEnd);
  return new Sentry(child, output, request).outcome;
}

function spawnChild(request: RunRequest, { path, identity }: Prepared, { writeEnd }: Pipe): ChildProcess {
  // So that another user's `> /dev/stderr` may open it again.
  fchmodSync(writeEnd, 0o622);
  const [program = path, ...rest] = request.command;
  return spawn(path, rest, {
    argv0: program,
    cwd: '/',
    env: { PATH: SEARCH_PATH, LANG: process.env.LANG ?? 'C.UTF-8', ...request.environment },
    stdio: [request.input === undefined ? 'ignore' : 'pipe', writeEnd, writeEnd],
    // A session, and so a process group, of its own: all of it can be ended together.
    detached: true,
    ...changeOf(identity),
  });
}

/** Nothing when it is who we are: an ordinary user may not even ask for that. */
const changeOf = ({ uid, gid }: Identity): Partial<Identity> =>
  uid === process.getuid?.() && gid === process.getgid?.() ? {} : { uid, gid };

/** Watches one program until it has ended. */
class Sentry {
  readonly #child: ChildProcess;
  readonly #output: Output;
  readonly #outcome = Promise.withResolvers<RunOutcome>();
  readonly #signal: AbortSignal | undefined;
  readonly #grace: Milliseconds;
  /** Why it is being ended; undefined while it may run. */
  #sentence: 'timed-out' | 'aborted' | undefined;
  /** Ends the wait for its end. */
  #relent: () => void;
  readonly #timeout: Milliseconds;

  constructor(child: ChildProcess, output: Output, request: RunRequest) {
    this.#child = child;
    this.#output = output;
    this.#signal = request.signal;
    this.#grace = request.grace ?? GRACE;
    this.#timeout = request.timeout;
    this.#relent = patiently(request.timeout, () => this.#end('timed-out'));
    this.#signal?.addEventListener('abort', this.#abort);
    child.once('error', (cause) => {
      // Of a process that runs, this is a signal that could not be sent: nothing that its exit would not tell.
      if (child.pid === undefined) this.#settle(notStarted(cause));
    });
    child.once('exit', (code, signal) => void this.#exited(code, signal));
    // It may end without reading what it is told.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(request.input);
  }

  get outcome(): Promise<RunOutcome> {
    return this.#outcome.promise;
  }

  readonly #abort = (): void => this.#end('aborted');

  #end(sentence: 'timed-out' | 'aborted'): void {
    if (this.#sentence !== undefined) return;
    this.#sentence = sentence;
    this.#kill('SIGTERM');
    this.#relent();
    this.#relent = patiently(this.#grace, () => {
      this.#kill('SIGKILL');
      this.#relent = patiently(BURIAL, () => this.#settle(this.#judgement(sentence)));
    });
  }

  async #exited(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.#relent();
    const { pid } = this.#child;
    if (pid === undefined) return;
    // What it started goes with it when its time was up, and is its own affair when it ended by itself.
    if (this.#sentence !== undefined) this.#kill('SIGKILL');
    await this.#lastWords();
    if (this.#sentence !== undefined) this.#settle(this.#judgement(this.#sentence));
    else if (signal !== null) this.#settle({ kind: 'signalled', signal, output: this.#output.text });
    else this.#settle({ kind: 'exited', code: code ?? 0, output: this.#output.text });
  }

  /** Until everybody has closed its output, or nobody waits for that any longer. */
  async #lastWords(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const relent = patiently(LAST_WORDS, resolve);
    await Promise.race([this.#output.closed, promise]);
    relent();
  }

  #judgement(sentence: 'timed-out' | 'aborted'): RunOutcome {
    const output = this.#output.text;
    return sentence === 'aborted'
      ? { kind: 'aborted', output }
      : { kind: 'timed-out', after: this.#timeout, output };
  }

  #settle(outcome: RunOutcome): void {
    this.#relent();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#output.leave();
    this.#outcome.resolve(outcome);
  }

  /** The whole group, which may be gone. */
  #kill(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // ESRCH: nobody is left. EPERM: nobody that we may end; the outcome says that it went on.
    }
  }
}
