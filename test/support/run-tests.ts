/**
 * `npm test`: types, lint, and every test there is. Ends with vitest's summary and a line `N passed, N failed`; types
 * and lint count as one each. Arguments are handed to vitest, as in `npm test -- unit/balance`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'node_modules/.bin');
const succeeds = (program: string, ...args: string[]): boolean =>
  spawnSync(join(bin, program), args, { cwd: root, stdio: 'inherit' }).status === 0;

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly success: boolean;
}

/** undefined when vitest broke before it could report. */
function vitest(args: readonly string[]): VitestReport | undefined {
  // Not in /tmp: a run that is interrupted cannot remove it.
  const directory = mkdtempSync(join(root, 'node_modules/.vipward-test-'));
  const report = join(directory, 'report.json');
  try {
    const secondTries = `--reporter=${join(import.meta.dirname, 'second-tries.ts')}`;
    const reporters = ['--reporter=default', secondTries, '--reporter=json', `--outputFile.json=${report}`];
    succeeds('vitest', 'run', '--config', 'test/vitest.config.ts', ...reporters, ...args);
    return JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const checks = [succeeds('tsc', '-p', 'test/tsconfig.json'), succeeds('biome', 'check', '.')];
const report = vitest(process.argv.slice(2));
const passed = checks.filter(Boolean).length + (report?.numPassedTests ?? 0);
// A file that cannot even be loaded has no tests to count, and still is a failure.
const broken = report === undefined || (!report.success && report.numFailedTests === 0) ? 1 : 0;
const failed = checks.filter((ok) => !ok).length + (report?.numFailedTests ?? 0) + broken;
const skipped = report?.numPendingTests ?? 0;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;
