/**
 * What every node of a lab offers, be it a network namespace of this machine, a kernel of its own, or a network
 * namespace inside such a kernel:
 *
 *   const { code, stdout, stderr } = await node.exec('ip -j addr')     a shell line, or an argument vector
 *   const text = await node.run(['ipvsadm', '-Ln'])                    standard output; throws on a non-zero code
 *   const daemon = await node.spawn(['node', 'dist/main.js', 'run'])   long-running, see LabProcess
 *   await node.writeFile(`${node.scratch}/a.yaml`, text)               always write through the node: a kernel of its
 *   const text = await node.readFile('/proc/net/ip_vs')                own has its own page cache and its own /tmp
 *
 * Commands start in the root of the checkout with PATH leading to the project's own `node`. The environment is
 * clean: nothing of the test runner's leaks into them but where Node keeps what it has compiled.
 */
import { resolve } from 'node:path';
import type { LabProcess, SpawnOptions } from './process.ts';

/** The root of the checkout. */
export const CHECKOUT = resolve(import.meta.dirname, '../../..');

/** The whole environment of every command in a lab. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: `${CHECKOUT}/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: '/root',
  LANG: 'C.UTF-8',
  TERM: 'xterm',
  // Most of a start of ours is the compiler; nothing is kept where the test runner does not say where.
  ...(process.env.NODE_COMPILE_CACHE === undefined
    ? {}
    : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
};

/** A shell line, run by `sh -c`, or an argument vector. */
export type Command = string | readonly string[];

export interface ExecOptions extends SpawnOptions {
  /** Milliseconds (default 120,000) after which the command's whole process group is killed and `exec` throws. */
  readonly timeout?: number;
  /** Standard input; empty unless given. */
  readonly input?: string | Uint8Array;
}

export interface ExecResult {
  /** The exit code; 128 + n when signal n ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function argumentsOf(command: Command): readonly string[] {
  return typeof command === 'string' ? ['sh', '-c', command] : command;
}

/** The base of all nodes: everything is built on `spawn`. */
export abstract class Node {
  readonly name: string;
  /** A directory for files of this node, gone with the lab. */
  readonly scratch: string;

  constructor(name: string, scratch: string) {
    this.name = name;
    this.scratch = scratch;
  }

  /** Starts a process in a session of its own. Rejects when the program cannot be started. */
  abstract spawn(command: Command, options?: SpawnOptions): Promise<LabProcess>;

  /** The command line that gives an administrator an interactive shell on this node. */
  abstract shellCommand(): string;

  /** Runs a command to its end. A non-zero code is a result; a time-out or the loss of the node is an error. */
  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    const { code, stdout, stderr } = await this.execBytes(command, options);
    return { code, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** As `exec`, with the bytes as they came. */
  async execBytes(
    command: Command,
    options: ExecOptions = {},
  ): Promise<{ readonly code: number; readonly stdout: Buffer; readonly stderr: Buffer }> {
    const { timeout = 120_000, input = '', ...spawnOptions } = options;
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let late = false;
    const end = await within(timeout, async (expired) => {
      const child = await this.spawn(command, { ...spawnOptions, lines: false });
      child.onData('stdout', (bytes) => stdout.push(bytes));
      child.onData('stderr', (bytes) => stderr.push(bytes));
      expired.addEventListener('abort', () => {
        late = true;
        child.killAll('SIGKILL');
      });
      child.end(input);
      return await child.exit;
    });
    if (end === undefined)
      throw this.#failure(command, `no answer from the node within ${timeout} ms`, stderr);
    if (late) throw this.#failure(command, `killed after ${timeout} ms`, stderr);
    if (end.lost !== undefined) throw this.#failure(command, end.lost, stderr);
    return { code: end.code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  }

  /** Standard output of a command that must succeed. */
  async run(command: Command, options: ExecOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.exec(command, options);
    if (code !== 0)
      throw this.#failure(command, `exit code ${code}`, [Buffer.from(stdout), Buffer.from(stderr)]);
    return stdout;
  }

  /** Writes a file, and the directories above it, as the node sees it. */
  async writeFile(path: string, content: string | Uint8Array): Promise<void> {
    await this.run(['sh', '-c', 'mkdir -p "$(dirname "$0")" && cat > "$0"', path], { input: content });
  }

  async readFile(path: string): Promise<string> {
    return await this.run(['cat', path]);
  }

  #failure(command: Command, what: string, output: readonly Buffer[]): Error {
    const line = typeof command === 'string' ? command : command.join(' ');
    return new Error(`${this.name}: ${line}: ${what}\n${Buffer.concat([...output]).toString()}`.trimEnd());
  }
}

/**
 * Runs `work`, tells it when `timeout` ms are over, and gives up on it (undefined) 20 s later: a node that stands
 * still cannot even kill.
 */
async function within<T>(
  timeout: number,
  work: (expired: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const expiry = new AbortController();
  const { promise: givenUp, resolve } = Promise.withResolvers<undefined>();
  const first = setTimeout(() => expiry.abort(), timeout);
  const second = setTimeout(() => resolve(undefined), timeout + 20_000);
  const running = work(expiry.signal);
  try {
    return await Promise.race([running, givenUp]);
  } finally {
    clearTimeout(first);
    clearTimeout(second);
    // Nobody waits any more for what was given up.
    running.catch(() => undefined);
  }
}
