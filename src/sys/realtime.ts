import { check, libc } from './libc.ts';

// <linux/sched.h>
const SCHED_OTHER = 0;
const SCHED_RR = 2;
/**
 * Children start as ordinary processes: nothing that is forked from here may starve the machine. Once set it stays,
 * since only CAP_SYS_NICE may clear it.
 */
const SCHED_RESET_ON_FORK = 0x40000000;
/** Above ordinary work, below the kernel's own threads, which run at 50 and above. */
const PRIORITY = 10;

/**
 * Puts this process's main thread, the one that runs JavaScript, under SCHED_RR, or back to the ordinary policy.
 * Memory is not locked: mlockall ends Node. Throws SystemError: EPERM without CAP_SYS_NICE or an RLIMIT_RTPRIO.
 */
export function setRealtime(on: boolean): void {
  const parameter = new Uint8Array(Int32Array.of(on ? PRIORITY : 0).buffer);
  const policy = on ? SCHED_RR : SCHED_OTHER;
  check(
    libc.setScheduler(0, policy | SCHED_RESET_ON_FORK, parameter),
    'sched_setscheduler',
    on ? 'SCHED_RR' : 'SCHED_OTHER',
  );
}
