/** Processes of this machine's own kernel, in a network namespace of the lab or, to build the lab, in none. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { argumentsOf, CHECKOUT, type Command, ENVIRONMENT, Node } from './node.ts';
import { LabProcess, type SpawnOptions } from './process.ts';

/** This machine itself: only for the commands that build a lab. Tests run theirs on the lab's nodes. */
export class LocalMachine extends Node {
  async spawn(command: Command, options: SpawnOptions = {}): Promise<LabProcess> {
    const [program = '', ...rest] = argumentsOf(command);
    const child = spawn(program, rest, {
      cwd: options.cwd ?? CHECKOUT,
      env: { ...ENVIRONMENT, ...options.env },
      detached: true,
      stdio: 'pipe',
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(new Error(`${this.name}: cannot start ${program}`, { cause })));
    });
    return follow(child, options);
  }

  shellCommand(): string {
    return 'bash';
  }
}

function follow(child: ChildProcess, options: SpawnOptions): LabProcess {
  const pid = child.pid ?? 0;
  const process_ = new LabProcess(
    pid,
    {
      write: (bytes) => child.stdin?.write(bytes),
      end: () => child.stdin?.end(),
      signal: (signal, group) => signalIfAlive(group ? -pid : pid, signal),
    },
    options,
  );
  // A process that ends before it has read its input is no error of ours.
  child.stdin?.on('error', () => undefined);
  child.stdout?.on('data', (bytes: Buffer) => process_.deliver('stdout', bytes));
  child.stderr?.on('data', (bytes: Buffer) => process_.deliver('stderr', bytes));
  child.once('close', (code, signal) => process_.finish({ code: exitCode(code, signal) }));
  return process_;
}

/** Signals a process (or, negative, a group) that may be gone already. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The shell's way to say both in one number. */
export function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
