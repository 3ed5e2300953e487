/**
 * stall-sleeper.ts THRESHOLD: sleeps 2 ms at a time and prints a Stall as a JSON line whenever it wakes up
 * more than THRESHOLD ms late. Started under SCHED_FIFO at the highest priority and bound to one CPU, it is late only
 * when that CPU itself stood still, as a virtual machine's does. One loop that never returns to Node: SIGTERM ends it.
 */
import { writeSync } from 'node:fs';
import koffi from 'koffi';

/** Ms since the epoch: when it should have woken up, and when it did. */
export interface Stall {
  readonly from: number;
  readonly to: number;
}

const SLEEP = 2;
const libc = koffi.load('libc.so.6');
const sleep = libc.func('int clock_nanosleep(int clock, int flags, void *request, void *rest)');
const CLOCK_MONOTONIC = 1;

const threshold = Number(process.argv[2] ?? '3');
const request = new Uint8Array(new BigInt64Array([0n, BigInt(SLEEP * 1_000_000)]).buffer);
writeSync(1, '{"ready":true}\n');
for (;;) {
  const due = performance.now() + SLEEP;
  sleep(CLOCK_MONOTONIC, 0, request, null);
  const late = performance.now() - due;
  if (late <= threshold) continue;
  const from = performance.timeOrigin + due;
  const stall: Stall = { from, to: from + late };
  writeSync(1, `${JSON.stringify(stall)}\n`);
}
