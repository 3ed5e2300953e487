import { afterEach, expect, test, vi } from 'vitest';
import { needsRoot } from '../../../src/cli/options.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('root may', () => {
  vi.spyOn(process, 'geteuid').mockReturnValue(0);
  expect(() => needsRoot('doctor')).not.toThrow();
});

test('anybody else is told how', () => {
  vi.spyOn(process, 'geteuid').mockReturnValue(1000);
  expect(() => needsRoot('doctor')).toThrow('vipward doctor needs root: sudo vipward doctor …');
});
