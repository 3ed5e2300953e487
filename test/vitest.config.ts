import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';

/**
 * Three groups, one after the other:
 *
 * - Unit tests, fuzz tests and the simulation are pure: as many at a time as there are processors.
 * - Tests with processes and with whole kernels mostly wait, for timers that are those of a real director: one
 *   processor is left free for those timers, and the others have a file each.
 * - What measures times in tens of milliseconds, or elects with adverts that are so far apart, has the machine for
 *   itself.
 */
const SIDE_BY_SIDE = Math.max(1, Math.min(4, availableParallelism() - 1));

/**
 * For tests in real time. A director that stands still for longer than others wait gives its addresses up, as it must, and
 * so does a test's own when the machine has a processor for others only: what fails is played once more, told of at the
 * end of the run, and a failure when it fails again. A test whose stage cannot be played twice fails at once all the same.
 */
const TRIES_MORE = 1;

/** Anything new belongs here only when its limits are times that another file's work would break. */
const ALONE = [
  'process/daemon/supervision.test.ts',
  'process/failover/handover.test.ts',
  'process/failover/rivals.test.ts',
  'process/faults.test.ts',
  'process/interop/elections.test.ts',
  'process/interop/virtual-mac.test.ts',
  'process/owners/lease.test.ts',
  'process/vrrp/adversity.test.ts',
];

/** Of all that may start daemons. */
const SETUP = ['lab/support/print-last-words.ts'];

export default defineConfig({
  root: import.meta.dirname,
  test: {
    passWithNoTests: false,
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // Tests start hundreds of processes of Node, which would be busy with compiling the same files for a second each.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/vipward-tests') },
    // vitest's own second is less than a busy machine may take.
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['unit/**/*.test.ts', 'fuzz/**/*.test.ts', 'simulation/**/*.test.ts'],
          testTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          retry: TRIES_MORE,
          setupFiles: SETUP,
          include: ['process/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: SIDE_BY_SIDE,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'lab',
          retry: TRIES_MORE,
          setupFiles: SETUP,
          include: ['lab/**/*.test.ts'],
          maxWorkers: SIDE_BY_SIDE,
          // An emulated kernel on a machine with other work takes ten times as long as on an idle one.
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          retry: TRIES_MORE,
          setupFiles: SETUP,
          include: ALONE,
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
