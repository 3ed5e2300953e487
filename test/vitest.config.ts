import { defineConfig } from 'vitest/config';

/**
 * Unit tests, fuzz tests and the simulation are pure and run side by side. Tests with processes, and then tests with
 * whole kernels, come after them and one file at a time: their timers are those of a real director, which does not
 * share its processor with a test run. Two at a time were tried on four processors: elections came out otherwise.
 */
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
          fileParallelism: false,
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
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
