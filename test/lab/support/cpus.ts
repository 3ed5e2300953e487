import { readdirSync, readFileSync } from 'node:fs';

/** The CPUs that this process may run on (a test runner may be confined to some), ascending. */
export function allowedCpus(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** In the command line of each kernel of a lab, before the number of the CPU that it is bound to. */
export const CPU_SIGN = 'lab_cpu=';

/** The CPU for one more kernel: the one with the fewest of them, whichever test run on this machine booted those. */
export function leastUsedCpu(): number {
  const kernels = new Map<number, number>();
  for (const cpu of cpusOfKernels()) kernels.set(cpu, (kernels.get(cpu) ?? 0) + 1);
  const [best = 0] = allowedCpus().toSorted((a, b) => (kernels.get(a) ?? 0) - (kernels.get(b) ?? 0));
  return best;
}

/** One number for each kernel, be it only about to start. */
function cpusOfKernels(): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const cpu = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split(`\0${CPU_SIGN}`)[1];
      // A kernel is many processes here; the first leads their group.
      if (cpu === undefined || groupOf(pid) !== pid) return [];
      return [Number.parseInt(cpu, 10)];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

const groupOf = (pid: string): string | undefined =>
  // After the name, which may hold anything: state, parent, group (proc_pid_stat(5)).
  readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[2];
