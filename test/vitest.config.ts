import { defineConfig } from 'vitest/config';

/**
 * Unit and fuzz tests are pure and run in parallel; process tests use namespaces that each file makes for itself;
 * lab tests boot whole kernels, so only as many run at once as a small machine has cores.
 */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ['**/*.test.ts'],
    pool: 'forks',
    passWithNoTests: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
