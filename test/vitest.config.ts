import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Unit tests, fuzz tests and the simulation are pure and run side by side. Tests with processes, and then tests with
 * whole kernels, come after them, each in namespaces of its own, and only as many files at a time as leave each two
 * processors: their timers are those of a real director, which does not share its processor with a test run.
 */
const SIDE_BY_SIDE = Math.max(1, Math.floor(availableParallelism() / 2));

export default defineConfig({
  root: import.meta.dirname,
  test: {
    passWithNoTests: false,
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['unit/**/*.test.ts', 'fuzz/**/*.test.ts', 'simulation/**/*.test.ts'],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          include: ['process/**/*.test.ts'],
          maxWorkers: SIDE_BY_SIDE,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'lab',
          include: ['lab/**/*.test.ts'],
          maxWorkers: SIDE_BY_SIDE,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
