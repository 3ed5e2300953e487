/** What an operator is told beside what was done. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Operator } from '../../../src/manager/operator.ts';
import { OverrideBook } from '../../../src/manager/overrides.ts';
import { atOnce } from '../../support/at-once.ts';
import { virtualRouter } from '../../support/virtual-router.ts';
import { web } from '../balance/table.ts';

const stateDir = mkdtempSync(join(tmpdir(), 'vipward-operator-'));
afterAll(() => rmSync(stateDir, { recursive: true }));

it.each([
  [[], []],
  [[virtualRouter({})], [expect.stringContaining('on this director alone')]],
])('that it holds here alone is said where there is another director', (virtualRouters, notes) => {
  const log = () => undefined;
  const operator = new Operator({
    overrides: new OverrideBook({ stateDir, log }),
    log,
    onChange: () => [],
    table: () => undefined,
  });
  operator.configure({ virtualServers: [web], virtualRouters, ipvs: { sysctl: {} } });
  const ask = { service: 'web', server: '10.1.1.2:80', by: 'ada' };
  expect(atOnce(operator.carryOut({ ...ask, action: 'disable' })).notes).toEqual(notes);
  expect(atOnce(operator.carryOut({ ...ask, action: 'enable' })).notes).toEqual([]);
});

it('the log says which weight was given', () => {
  const lines: string[] = [];
  const log = (_: string, message: string) => void lines.push(message);
  const operator = new Operator({
    overrides: new OverrideBook({ stateDir, log }),
    log,
    onChange: () => [],
    table: () => undefined,
  });
  operator.configure({ virtualServers: [web], virtualRouters: [], ipvs: { sysctl: {} } });
  const ask = { service: 'web', server: '10.1.1.2:80', by: 'ada' };
  atOnce(operator.carryOut({ ...ask, action: 'weight', weight: 7, reason: 'slow disk' }));
  expect(lines).toEqual(['ada: weight 7 for real server 10.1.1.2:80 of web (slow disk)']);
});
