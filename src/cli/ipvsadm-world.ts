/** What `vipward ipvsadm` works on: the kernel of this machine, its names, and the daemon that may own the table. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CommandLineError } from '../ipvsadm/command-line-error.ts';
import { runIpvsadm } from '../ipvsadm/ipvsadm.ts';
import { SystemNames } from '../ipvsadm/system-names.ts';
import { type Ipvs, IpvsUnavailable, openIpvs, type SyncDaemons } from '../kernel/ipvs.ts';
import { reasonOf } from '../model/reason.ts';
import { readVersion } from '../version.ts';
import { ownerWarnings } from './ipvsadm-owner.ts';
import { takeAtMost } from './read-file.ts';
import type { Terminal } from './terminal.ts';

const CONNECTIONS = '/proc/net/ip_vs_conn';
/** In bytes: what `-S` prints of a quarter of a million real servers. */
const MOST_INPUT = 16 * 1024 * 1024;

/** Carries out what comes after `vipward ipvsadm` and gives the exit code: ipvsadm's own. */
export const ipvsadm = (argv: readonly string[], terminal: Terminal): Promise<number> =>
  runIpvsadm(argv, {
    out: terminal.out,
    err: terminal.err,
    open,
    names: new SystemNames(),
    readConnections: () => readFileSync(CONNECTIONS, 'utf8'),
    readInput,
    version: readVersion(),
    changed: async (commands) => {
      for (const line of await ownerWarnings(commands)) terminal.err(`warning: ${line}\n`);
    },
  });

/** All or nothing: half a table would be restored otherwise. */
async function readInput(): Promise<string> {
  try {
    return new TextDecoder().decode(await takeAtMost(process.stdin, MOST_INPUT));
  } catch (cause) {
    throw new CommandLineError(`cannot read what is to be restored: ${reasonOf(cause)}`);
  }
}

/** As ipvsadm does, loads IPVS where the kernel has it not yet. Throws IpvsUnavailable. */
function open(): Ipvs & SyncDaemons {
  try {
    return openIpvs();
  } catch (error) {
    if (!(error instanceof IpvsUnavailable) || !loaded()) throw error;
    return openIpvs();
  }
}

function loaded(): boolean {
  try {
    execFileSync('modprobe', ['--', 'ip_vs'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
