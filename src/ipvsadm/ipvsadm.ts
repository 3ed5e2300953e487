/**
 * ipvsadm 1.31, in our own words: the same command lines, the same output and the same exit codes, over the kernel's
 * IPVS table of this network namespace. It differs where ipvsadm is wrong:
 *
 * - an error names what the kernel was asked and why it refused;
 * - weights go up to 2147483647, as ipvsadm's manual says and its code does not; marks from 2^31 on and counters of real
 *   servers from 2^32 on are printed as they are;
 * - what `-R` reads may have comments, and its errors name their line.
 */
import type { Ipvs, SyncDaemons } from '../kernel/ipvs.ts';
import { IpvsUnavailable } from '../kernel/ipvs.ts';
import { KernelAnswerError, KernelError } from '../kernel/kernel-error.ts';
import type { IpvsadmCommand } from './command.ts';
import { readCommandLine } from './command-line.ts';
import { CommandLineError, IPVSADM_EXIT } from './command-line-error.ts';
import { HELP, versionText } from './help.ts';
import { list } from './list.ts';
import type { NameSource } from './names.ts';
import { perform } from './perform.ts';
import { restore } from './restore.ts';

/** Everything around it. */
export interface IpvsadmWorld {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Throws IpvsUnavailable. */
  readonly open: () => Ipvs & SyncDaemons;
  readonly names: NameSource;
  /** /proc/net/ip_vs_conn. */
  readonly readConnections: () => string;
  /** All of standard input. Rejects with CommandLineError where it cannot be read, or is endless. */
  readonly readInput: () => Promise<string>;
  /** For --version. */
  readonly version: string;
  /** Told of what was changed in the table, of which something else may think that it is its own. */
  readonly changed: (commands: readonly IpvsadmCommand[]) => Promise<void>;
}

/** Carries out a command line and gives the exit code: one of IPVSADM_EXIT. */
export async function runIpvsadm(argv: readonly string[], world: IpvsadmWorld): Promise<number> {
  try {
    const command = await readCommandLine(argv, world.names);
    if (command.kind === 'help') {
      world.out(HELP);
      return IPVSADM_EXIT.done;
    }
    const ipvs = world.open();
    try {
      return await carryOut(command, ipvs, world);
    } finally {
      ipvs.close();
    }
  } catch (error) {
    if (error instanceof CommandLineError) return failed(world, error, error.exitCode);
    if (error instanceof IpvsUnavailable) return failed(world, error, IPVSADM_EXIT.invalid);
    if (error instanceof KernelError || error instanceof KernelAnswerError)
      return failed(world, error, IPVSADM_EXIT.refused);
    throw error;
  }
}

function failed({ err }: IpvsadmWorld, error: Error, exitCode: number): number {
  err(`ipvsadm: ${error.message}\n`);
  return exitCode;
}

async function carryOut(
  command: IpvsadmCommand,
  ipvs: Ipvs & SyncDaemons,
  world: IpvsadmWorld,
): Promise<number> {
  switch (command.kind) {
    case 'help':
    case 'version':
      world.out(versionText(world.version, ipvs.info().version));
      return IPVSADM_EXIT.done;
    case 'restore':
      return await restore(ipvs, world);
    case 'list':
    case 'list-connections':
    case 'list-daemons':
    case 'list-timeouts':
    case 'save':
      return await list(command, ipvs, world);
    case 'change':
    case 'flush':
    case 'zero':
    case 'set-timeouts':
    case 'start-daemon':
    case 'stop-daemon':
      perform(command, ipvs);
      await world.changed([command]);
      return IPVSADM_EXIT.done;
    default:
      return command satisfies never;
  }
}
