/** One connection, however it ends. */
import { createServer } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { tryConnection } from '../../../src/doctor/connection.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { milliseconds } from '../../../src/model/units.ts';

afterEach(() => void vi.useRealTimers());

const HERE = '127.0.0.1' as IpAddress;
const PATIENCE = milliseconds(20_000);

it('is made where somebody listens, and refused where nobody does', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HERE, resolve));
  const { port } = server.address() as { readonly port: number };
  expect(await tryConnection(HERE, port, HERE, PATIENCE)).toBe('made');
  await new Promise((resolve) => server.close(resolve));
  expect(await tryConnection(HERE, port, HERE, PATIENCE)).toBe('refused');
});

it('rejects where nobody can look for its answer, as on a link that went down', async () => {
  vi.useFakeTimers();
  const broken = () => {
    throw new Error('ENETDOWN');
  };
  const end = expect(tryConnection(HERE, 9, HERE, PATIENCE, broken)).rejects.toThrow('ENETDOWN');
  vi.advanceTimersByTime(100);
  await end;
  expect(vi.getTimerCount()).toBe(0);
});

it('is made where this process stands still for longer than it waits, though nobody could tell meanwhile', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HERE, resolve));
  const { port } = server.address() as { readonly port: number };
  const end = tryConnection(HERE, port, HERE, milliseconds(20));
  // It has asked, and not looked yet.
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
  for (const until = performance.now() + 60; performance.now() < until; );
  expect(await end).toBe('made');
  await new Promise((resolve) => server.close(resolve));
});
