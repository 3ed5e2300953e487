/** /proc/net/ip_vs_conn as it is read: in pieces that end anywhere. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readKnownConnections } from '../../../src/kernel/ipvs-connections.ts';

const directory = mkdtempSync(join(tmpdir(), 'vipward-connections-'));
afterAll(() => rmSync(directory, { recursive: true }));

const TITLE = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
const line = (port: number): string =>
  `TCP 0A090909 ${port.toString(16).toUpperCase().padStart(4, '0')} 0A0101FE 0050 0A030002 1F90 ESTABLISHED     890\n`;

it('every connection is read, a part of them at a time', async () => {
  const path = join(directory, 'conn');
  const ports = Array.from({ length: 5_000 }, (_, index) => index + 1);
  writeFileSync(path, TITLE + ports.map(line).join(''));
  const pieces: (readonly number[])[] = [];
  for await (const some of readKnownConnections(path)) pieces.push(some.map(({ client }) => client.port));
  expect(pieces.flat()).toEqual(ports);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(ports.length / 2);
});

it('there are none without IPVS', async () => {
  for await (const some of readKnownConnections(join(directory, 'none'))) expect(some).toBeUndefined();
  await expect(readKnownConnections(directory).next()).rejects.toThrow('EISDIR');
});
