import { vi } from 'vitest';

/** Longer than anything takes on a machine that does other things beside; what holds at once is not waited for. */
const LIMIT = 60_000;

/**
 * Resolves as soon as `holds` returns something true, and with that: for a state that comes by itself and of which
 * nothing tells. vitest's own limit, 1 s, is shorter than a busy machine may take.
 */
export const until = <T>(holds: () => T | Promise<T>) =>
  vi.waitUntil(holds, { timeout: LIMIT, interval: 20 });
