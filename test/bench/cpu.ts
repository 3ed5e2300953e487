/** How much of a CPU processes of this machine use, by /proc/PID/stat (proc_pid_stat(5)). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Seconds of CPU that a process has used so far, user and system, all its threads; throws when it is gone. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name in parentheses may hold spaces. Fields 14 and 15 are utime and stime; what follows the name begins at 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** `process.pid`s to the seconds of CPU that each used so far. */
export const cpuOfAll = (pids: readonly number[]): ReadonlyMap<number, number> =>
  new Map(pids.map((pid) => [pid, cpuSeconds(pid)]));
