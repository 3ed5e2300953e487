/** A daemon's handlers for tests of the control socket: they answer with what they were asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlHandlers } from '../../../src/control/api.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { NOW, sampleStatus } from '../cli/sample-status.ts';

export const handlers = (changes: Partial<ControlHandlers> = {}): ControlHandlers => ({
  status: async () => sampleStatus({ startedAt: NOW }),
  plan: async ({ file, text }) => ({
    problems: [],
    virtualRouters: [],
    addresses: [file],
    table: [text],
    settings: [],
  }),
  reload: async () => ({ applied: true, problems: [], changes: ['something'] }),
  handover: async ({ names, stayDown }) => ({
    outcomes: names.map((name) => ({
      name,
      outcome: 'handed-over',
      successor: '10.1.1.11' as IpAddress,
      reason: stayDown ? 'stays down' : 'does not',
    })),
  }),
  restore: async ({ names }) => ({ restored: names }),
  override: async ({ service, server, by, reason }) => ({
    service,
    server,
    override: undefined,
    was: undefined,
    changes: [],
    notes: [by, reason ?? ''],
  }),
  overrides: async () => ({ overrides: [] }),
  ...changes,
});

/** A directory of its own, and a way to be rid of it. */
export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'vipward-control-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
