/** Whether a process is the one that is meant; pure. */
import type { ProcessTracker } from '../../model/tracking.ts';

/** What /proc/PID/stat says (proc_pid_stat(5)). */
export interface ProcessFacts {
  /** The kernel's name for it: at most 15 bytes. */
  readonly comm: string;
  /** Ended, and only waiting for its parent to notice. */
  readonly dead: boolean;
  /** Of the kernel: has no command line. */
  readonly kernel: boolean;
  /** When it started, in clock ticks: together with its number it is no other process. */
  readonly start: string;
}

/** TASK_COMM_LEN of <linux/sched.h>, without the zero at its end. */
const COMM_LENGTH = 15;
/** <linux/sched.h>. */
const PF_KTHREAD = 0x0020_0000;

/** undefined when it is not what /proc/PID/stat looks like. */
export function parseStat(stat: string): ProcessFacts | undefined {
  // The name may hold anything, parentheses and spaces included: the last one closes it.
  const open = stat.indexOf('(');
  const close = stat.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = stat.slice(close + 2).split(' ');
  const [state = '', flags = '', start = ''] = [fields[0], fields[6], fields[19]];
  if (start === '') return undefined;
  return {
    comm: stat.slice(open + 1, close),
    dead: state === 'Z' || state === 'X' || state === 'x',
    kernel: (Number(flags) & PF_KTHREAD) !== 0,
    start,
  };
}

/**
 * A name is the kernel's name of a process, or the last part of its program's path, or of the script's that an
 * interpreter runs; a path is the program's or the script's. All `arguments` must be among its own.
 */
export function isMeant(
  wanted: Pick<ProcessTracker, 'process' | 'arguments'>,
  { comm }: Pick<ProcessFacts, 'comm'>,
  argv: readonly string[],
): boolean {
  const own = argv.slice(1);
  return isNamed(wanted.process, comm, argv) && wanted.arguments.every((argument) => own.includes(argument));
}

function isNamed(name: string, comm: string, argv: readonly string[]): boolean {
  const [program, script] = argv;
  if (name.includes('/')) return program === name || script === name;
  if (comm === name || lastPart(program) === name) return true;
  // Only where the kernel's name is its beginning: `vi haproxy` is no haproxy.
  return comm === name.slice(0, COMM_LENGTH) && lastPart(script) === name;
}

const lastPart = (path: string | undefined): string | undefined => path?.slice(path.lastIndexOf('/') + 1);
