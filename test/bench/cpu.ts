/**
 * How much of a CPU processes of this machine use, by /proc/PID/task/TID/schedstat (scheduler/sched-stats.rst of Linux):
 * time on a CPU as the scheduler counts it, in ns. The times of /proc/PID/stat are guessed from who runs when the clock
 * ticks: for processes that wake up for some microseconds a hundred times a second they were off by a factor of two.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Seconds of CPU that a process has used so far, user and system, of all threads that it has; throws when it is gone. */
export function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + threadNanoseconds(pid, thread), 0) / 1e9;
}

function threadNanoseconds(pid: number, thread: string): number {
  const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1');
  return Number(text.split(' ')[0]);
}

/** `process.pid`s to the seconds of CPU that each used so far. */
export const cpuOfAll = (pids: readonly number[]): ReadonlyMap<number, number> =>
  new Map(pids.map((pid) => [pid, cpuSeconds(pid)]));
