/** The command line: one file a command, put together here. */
import { Command, CommanderError } from 'commander';
import { reasonOf } from '../model/reason.ts';
import { readVersion } from '../version.ts';
import { checkCommand } from './check.ts';
import { doctorCommand } from './doctor.ts';
import { drainCommand } from './drain.ts';
import { handoverCommand } from './handover.ts';
import { IPVSADM, ipvsadm, ipvsadmCommand } from './ipvsadm.ts';
import type { Finish, RunManager } from './options.ts';
import { planCommand } from './plan.ts';
import { realServerCommand } from './realserver.ts';
import { reloadCommand } from './reload.ts';
import { resumeCommand } from './resume.ts';
import { runCommand } from './run.ts';
import { disableCommand, enableCommand, weightCommand } from './service-state.ts';
import { statusCommand } from './status.ts';
import { EXIT, processTerminal, type Terminal } from './terminal.ts';

/**
 * Carries out one command line (without `node` and the script) and resolves with the exit code: 0 success, 1 failure,
 * 2 a command line that cannot be understood.
 */
export async function runCommandLine(
  argv: readonly string[],
  runManager: RunManager,
  terminal: Terminal = processTerminal(),
): Promise<number> {
  let exitCode: number = EXIT.success;
  const program = buildProgram(runManager, terminal, (code) => {
    exitCode = code;
  });
  try {
    if (argv[0] === IPVSADM) return await ipvsadm(argv.slice(1), terminal);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
    // The message says it all; what the cause adds is the same in the kernel's words.
    terminal.err(`vipward: ${reasonOf(error)}\n`);
    return EXIT.failure;
  }
}

function buildProgram(runManager: RunManager, terminal: Terminal, finish: Finish): Command {
  const program = new Command('vipward')
    .description(
      'High-availability manager for LVS directors: VRRP addresses, health checks, the IPVS table.',
    )
    .version(readVersion())
    .addHelpText('after', EXIT_CODES);
  const commands = [
    runCommand(runManager, finish),
    checkCommand(terminal, finish),
    planCommand(terminal, finish),
    reloadCommand(terminal, finish),
    statusCommand(terminal, finish),
    handoverCommand(terminal, finish),
    resumeCommand(terminal, finish),
    drainCommand(terminal, finish),
    disableCommand(terminal, finish),
    enableCommand(terminal, finish),
    weightCommand(terminal, finish),
    realServerCommand(terminal, finish),
    doctorCommand(terminal, finish),
    ipvsadmCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  settle(program, 'vipward', terminal);
  return program;
}

/** What holds for a command and for those below it: commander hands none of it down to what was made elsewhere. */
function settle(command: Command, called: string, terminal: Terminal): void {
  command
    .exitOverride()
    .showHelpAfterError(`(see ${called} --help)`)
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) });
  for (const each of command.commands) settle(each, `${called} ${each.name()}`, terminal);
}

const EXIT_CODES = `
Exit codes: 0 success, 1 failure, 2 a command line that cannot be understood.`;
