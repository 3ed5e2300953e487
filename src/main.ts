/**
 * Where every process of vipward begins. The parts are imported only when they are the ones wanted: the vrrp process
 * must not hold the memory, nor the start-up time, of a YAML parser that it never calls.
 */

import { statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { plainRunOptions, type RunOptions } from './cli/run-line.ts';
import { reasonOf } from './model/reason.ts';

/**
 * What V8 made of the compiled program when it was built (test/support/setup): a start takes it as it is. Node looks
 * whether it fits, and compiles what does not; there is none beside the sources.
 */
const COMPILED = join(import.meta.dirname, 'compile-cache');

const FROM_MANAGER_ONLY = 'is started by the manager, over a channel of its own; by hand it is `vipward run`';

/** Ends the process unless the manager is at the other end of an IPC channel. */
function requireManager(name: string): void {
  if (process.send !== undefined) return;
  process.stderr.write(`vipward: \`vipward ${name}\` ${FROM_MANAGER_ONLY}\n`);
  process.exit(2);
}

async function main(argv: readonly string[]): Promise<void> {
  switch (argv[0]) {
    case 'vrrp': {
      requireManager('vrrp');
      process.title = 'vipward vrrp';
      const { runVrrpProcess } = await import('./vrrp/process/process.ts');
      return runVrrpProcess();
    }
    case 'checker': {
      requireManager('checker');
      process.title = 'vipward checker';
      const { runCheckerProcess } = await import('./checker/process.ts');
      return runCheckerProcess();
    }
    default: {
      const options = plainRunOptions(argv);
      if (options !== undefined) return await runPlainly(options);
      const { runCommandLine } = await import('./cli/command-line.ts');
      process.exitCode = await runCommandLine(argv, runDaemon);
    }
  }
}

async function runDaemon(options: RunOptions): Promise<never> {
  const { runManager } = await import('./manager/process.ts');
  // The manager is done when it returns, whatever it left open; nothing may keep systemd waiting then.
  return process.exit(await runManager(options));
}

/** Errors as the command line tells them. */
async function runPlainly(options: RunOptions): Promise<never> {
  try {
    return await runDaemon(options);
  } catch (error) {
    process.stderr.write(`vipward: ${reasonOf(error)}\n`);
    return process.exit(1);
  }
}

// Node keeps it apart for each user: another's would only leave files that the owner of the checkout cannot remove.
if (statSync(COMPILED, { throwIfNoEntry: false })?.uid === process.getuid?.())
  enableCompileCache({ directory: COMPILED, portable: true });
void main(process.argv.slice(2));
