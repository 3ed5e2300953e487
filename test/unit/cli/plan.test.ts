import { expect, test } from 'vitest';
import { formatPlan, formatReload } from '../../../src/cli/format/plan.ts';
import { PLAIN } from '../../../src/cli/format/style.ts';

test('a plan shows its changes by kind and leaves out the kinds without any', () => {
  const plan = {
    problems: [],
    virtualRouters: ['web: priority 150 → 100'],
    addresses: [],
    table: ['add a', 'add b'],
    settings: ['set c'],
  };
  expect(formatPlan(plan, PLAIN)).toEqual([
    'virtual routers',
    '  web: priority 150 → 100',
    'IPVS table',
    '  add a',
    '  add b',
    'kernel settings',
    '  set c',
  ]);
});

test('source NAT of a range of ports is a line for each real server', () => {
  const line = (what: string, ports: string, server: number) =>
    `${what} source NAT to 10.2.2.100 for tcp 192.0.2.10 port ${ports} at 10.2.2.${server}:8080`;
  const changes = [
    'set a',
    ...['80', '8001', '8000', '8002'].flatMap((port) => [line('add', port, 1), line('add', port, 2)]),
    line('remove', '90, 100-110', 2),
    'source NAT for tcp 192.0.2.10 port 9 at 10.2.2.1',
    'add b',
    'add b',
  ];
  expect(formatReload({ applied: true, problems: [], changes }, PLAIN).slice(1)).toEqual([
    '  set a',
    `  ${line('add', '80, 8000-8002', 1)}`,
    `  ${line('add', '80, 8000-8002', 2)}`,
    `  ${line('remove', '90, 100-110', 2)}`,
    '  source NAT for tcp 192.0.2.10 port 9 at 10.2.2.1',
    '  add b',
    '  add b',
  ]);
});

test('a plan without changes says so', () => {
  const plan = { problems: [], virtualRouters: [], addresses: [], table: [], settings: [] };
  expect(formatPlan(plan, PLAIN)).toEqual(['a reload would change nothing']);
});

test('a reload says what it changed, that there was nothing, or that it was refused', () => {
  expect(formatReload({ applied: true, problems: [], changes: ['add a'] }, PLAIN)).toEqual([
    'reloaded',
    '  add a',
  ]);
  expect(formatReload({ applied: true, problems: [], changes: [] }, PLAIN)).toEqual([
    'reloaded: nothing to change',
  ]);
  expect(formatReload({ applied: false, problems: [], changes: [] }, PLAIN)).toEqual([
    'reload refused: nothing was changed',
  ]);
});

test('a table that cannot be reached is told with a plan and with a reload', () => {
  const tableUnavailable = 'the kernel has no IPVS: modprobe ip_vs';
  const told = `the IPVS table cannot be changed: ${tableUnavailable}`;
  const plan = { problems: [], virtualRouters: [], addresses: [], table: ['add a'], settings: [] };
  expect(formatPlan({ ...plan, tableUnavailable }, PLAIN)).toEqual(['IPVS table', '  add a', told]);
  const reload = { applied: true, problems: [], changes: [], tableUnavailable };
  expect(formatReload(reload, PLAIN)).toEqual(['reloaded', told]);
});

test('what becomes of overrides is told with a plan and with a reload', () => {
  const overrides = ['disable of real server 10.1.1.2 of web is kept, but …'];
  const plan = { problems: [], virtualRouters: [], addresses: [], table: [], settings: [], overrides };
  expect(formatPlan(plan, PLAIN)).toEqual(['overrides of real servers', `  ${overrides[0]}`]);
  const reload = { applied: true, problems: [], changes: ['add a'], overrides };
  expect(formatReload(reload, PLAIN)).toEqual(['reloaded', '  add a', ...overrides]);
});
