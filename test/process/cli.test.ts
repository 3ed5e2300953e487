/** The command line as a person or systemd starts it: real processes, a real socket, exit codes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NoSuchName, type OverrideRequest, SOCKET_NAME } from '../../src/control/api.ts';
import { type ControlServer, serveControl } from '../../src/control/server.ts';
import type { IpAddress } from '../../src/model/address.ts';
import type { Problem } from '../../src/model/problem.ts';
import type { HandoverOutcome } from '../../src/model/router-status.ts';
import type { OverrideStatus, ReloadDocument } from '../../src/model/status.ts';
import { handlers, temporaryDirectory } from '../unit/control/sample-handlers.ts';

const NOBODY = 65_534;
const MAIN = join(import.meta.dirname, '../../dist/main.js');
const directory = temporaryDirectory();
const goodFile = join(directory.path, 'good.yaml');
const badFile = join(directory.path, 'bad.yaml');
const runtime = ['--runtime-dir', directory.path];
const problem: Problem = {
  severity: 'error',
  file: badFile,
  line: 2,
  column: 3,
  message: 'vrid is 0: 1 to 255',
};

let server: ControlServer;
let outcomes: readonly HandoverOutcome[] = [];
/** What was asked for by drain, disable, enable and weight, and how a drain goes on. */
const said: OverrideRequest[] = [];
const spoken = { service: 'web', server: '10.1.1.2:80' };
let drains: OverrideStatus[] = [];
let unavailable: string | undefined;
let reload: ReloadDocument = { applied: true, problems: [], changes: ['web: priority 150 → 100'] };

beforeAll(async () => {
  writeFileSync(goodFile, GOOD);
  writeFileSync(badFile, GOOD.replace('vrid: 51', 'vrid: 0'));
  const plan = async (request: { readonly file: string; readonly text: string }) => ({
    problems: request.text === GOOD ? [] : [problem],
    virtualRouters: [],
    addresses: [],
    table: request.text === GOOD ? [`add from ${request.file}`] : [],
    settings: [],
  });
  server = await serveControl(
    join(directory.path, SOCKET_NAME),
    handlers({
      plan,
      reload: async () => reload,
      handover: async () => ({ outcomes }),
      override: async (request) => {
        said.push(request);
        if (request.service !== 'web') throw new NoSuchName('there is no service wep: did you mean web?');
        const [is] = drains;
        const changes = ['weight 2 → 0'];
        return {
          ...spoken,
          ...{ override: is, was: is, changes, notes: ['mind'], tableUnavailable: unavailable },
        };
      },
      // The last one stays.
      overrides: async () => ({ overrides: (drains.length > 1 ? drains.splice(0, 1) : drains).flat() }),
    }),
  );
});
afterAll(async () => {
  await server.close();
  directory.remove();
});

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const vipward = (args: readonly string[]): Promise<Outcome> => outcomeOf(process.execPath, [MAIN, ...args]);

async function outcomeOf(program: string, args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, SUDO_USER: 'ada' };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, out, err };
}

describe('help and usage', () => {
  test.each([
    [[]],
    [['run']],
    [['check']],
    [['plan']],
    [['reload']],
    [['status']],
    [['handover']],
    [['resume']],
  ])('%j --help', async (command) => {
    const { code, out, err } = await vipward([...command, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: ${['vipward', ...command].join(' ')}`);
  });

  test.each([
    [[], 'Usage: vipward'],
    [['bogus'], "unknown command 'bogus'"],
    [['statsu'], 'Did you mean status?'],
    [['status', '--jsno'], 'Did you mean --json?'],
    [['handover', '--stay-donw'], 'Did you mean --stay-down?'],
    [['run', '--config'], 'argument missing'],
    [['check', 'one', 'two'], 'too many arguments'],
  ])('%j is a usage error', async (args, words) => {
    const { code, out, err } = await vipward(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
  });

  test.each(['vrrp', 'checker'])('%s is not for people', async (name) => {
    const { code, err } = await vipward([name]);
    expect(code).toBe(2);
    expect(err).toContain('is started by the manager');
  });
});

describe('check', () => {
  test('of a good file', async () => {
    const { code, out } = await vipward(['check', goodFile]);
    expect(code).toBe(0);
    expect(out).toContain(`${goodFile}: valid: 1 virtual router, 1 virtual server`);
  });

  test('counts virtual servers as the kernel does', async () => {
    const file = join(directory.path, 'ports.yaml');
    writeFileSync(file, GOOD.replace('port: 80', 'port: [80, 8000-8003]'));
    expect((await vipward(['check', file])).out).toContain('valid: 1 virtual router, 5 virtual servers');
  });

  test('of a bad file shows where', async () => {
    const { code, out, err } = await vipward(['check', badFile]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/bad\.yaml:4:11: error: .*\n {2}4 \| {5}vrid: 0\n {4}\| {11}\^\n/);
    expect(err).toContain(`${badFile}: not valid: 1 error`);
  });

  test('for programs', async () => {
    const good = await vipward(['check', goodFile, '--json']);
    expect({ ...good, out: JSON.parse(good.out) }).toMatchObject({
      code: 0,
      err: '',
      out: { file: goodFile, valid: true },
    });
    const bad = await vipward(['check', badFile, '--json']);
    expect({ ...bad, out: JSON.parse(bad.out) }).toMatchObject({
      code: 1,
      err: '',
      out: {
        valid: false,
        problems: expect.arrayContaining([expect.objectContaining({ severity: 'error', line: 4 })]),
      },
    });
  });

  test('sees the bytes that the daemon would see', async () => {
    const file = join(directory.path, 'latin1.yaml');
    writeFileSync(file, Buffer.from(`# f\u00fcr alle\n${GOOD}`, 'latin1'));
    const { code, err } = await vipward(['check', file]);
    expect(code).toBe(1);
    expect(err).toContain('latin1.yaml:1:4: error: byte 0xFC is not UTF-8: save the file as UTF-8');
    const plan = await vipward(['plan', file, ...runtime]);
    expect(plan).toMatchObject({ code: 1, out: '' });
    expect(plan.err).toBe(
      `vipward: ${file} is not UTF-8, a reload would be refused: vipward check shows where\n`,
    );
  });

  test('shows the right place of a file with a byte order mark', async () => {
    const file = join(directory.path, 'bom.yaml');
    writeFileSync(file, `\ufeffvrrp: 1\n${GOOD}`);
    const { err } = await vipward(['check', file]);
    expect(err).toMatch(/bom\.yaml:1:7: error: .*\n {2}1 \| vrrp: 1\n {4}\| {7}\^\n/);
  });

  test('of what is no file', async () => {
    const missing = await vipward(['check', '/nowhere.yaml']);
    expect(missing).toEqual({
      code: 1,
      out: '',
      err: 'vipward: cannot read /nowhere.yaml: there is no such file\n',
    });
    expect((await vipward(['check', directory.path])).err).toContain('it is a directory');
  });
});

describe('plan', () => {
  test('of a good file, as named, changes or not', async () => {
    const { code, out, err } = await vipward(['plan', goodFile, ...runtime]);
    expect({ code, out, err }).toEqual({ code: 0, out: `IPVS table\n  add from ${goodFile}\n`, err: '' });
  });

  test('of a bad one', async () => {
    const { code, out, err } = await vipward(['plan', badFile, ...runtime]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`${badFile}:2:3: error: vrid is 0: 1 to 255`);
    expect(err).toContain('a reload would be refused: 1 error');
  });

  test('for programs', async () => {
    const { code, out } = await vipward(['plan', badFile, '--json', ...runtime]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ problems: [problem], table: [] });
  });
});

describe('reload', () => {
  test('that is applied', async () => {
    reload = { applied: true, problems: [], changes: ['web: priority 150 → 100'] };
    expect(await vipward(['reload', ...runtime])).toEqual({
      code: 0,
      out: 'reloaded\n  web: priority 150 → 100\n',
      err: '',
    });
  });

  test('that is refused', async () => {
    reload = { applied: false, problems: [problem], changes: [] };
    const { code, out, err } = await vipward(['reload', ...runtime]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(`${badFile}:2:3: error: vrid is 0: 1 to 255\nreload refused: nothing was changed\n`);
    const { code: jsonCode, out: json } = await vipward(['reload', '--json', ...runtime]);
    expect(jsonCode).toBe(1);
    expect(JSON.parse(json)).toEqual(reload);
  });
});

describe('status', () => {
  test('for people, without colours where nobody sees them', async () => {
    const { code, out, err } = await vipward(['status', ...runtime]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^lvs1 {2}vipward/);
    expect(out).not.toContain('\x1b');
  });

  test('for programs', async () => {
    const { code, out } = await vipward(['status', '--json', ...runtime]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ director: 'lvs1', virtualServers: [{ name: 'web' }] });
  });
});

describe('handover', () => {
  const outcome = (changes: Partial<HandoverOutcome> = {}): HandoverOutcome => ({
    name: 'web',
    outcome: 'handed-over',
    successor: '10.1.1.11' as IpAddress,
    reason: '10.1.1.11 took over',
    ...changes,
  });
  const none = { successor: undefined };

  test('that was taken', async () => {
    outcomes = [outcome(), outcome({ ...none, name: 'db', outcome: 'not-active', reason: 'started' })];
    expect(await vipward(['handover', ...runtime])).toEqual({
      code: 0,
      out: 'web: handed over to 10.1.1.11\ndb: was not active here (started)\n',
      err: '',
    });
  });

  test.each([
    ['kept', 'web: STILL ACTIVE HERE: no other director took over (nobody is heard)\n'],
    ['unknown-name', 'web: there is no virtual router of this name\n'],
  ] as const)('%s: exit code 1', async (kind, err) => {
    outcomes = [outcome({ ...none, outcome: kind, reason: 'nobody is heard' })];
    expect(await vipward(['handover', 'web', ...runtime])).toEqual({ code: 1, out: '', err });
  });

  test('for programs', async () => {
    outcomes = [outcome()];
    const { code, out } = await vipward(['handover', '--stay-down', '--json', ...runtime]);
    expect({ code, out: JSON.parse(out) }).toEqual({ code: 0, out: { outcomes } });
  });
});

describe('resume', () => {
  test('names what may be active again', async () => {
    const { code, out } = await vipward(['resume', 'web', 'db', ...runtime]);
    expect({ code, out }).toEqual({ code: 0, out: 'web: may be active again\ndb: may be active again\n' });
  });

  test('of nothing says so', async () => {
    expect(await vipward(['resume', ...runtime])).toMatchObject({
      code: 0,
      out: 'none of them was kept a backup\n',
    });
  });
});

describe('a real server out of service', () => {
  const drain: OverrideStatus = {
    ...{ ...spoken, action: 'drain', weight: undefined, reason: undefined, by: 'ada', since: 1 },
    ...{ until: 2e12, drainedAt: undefined, cutOff: undefined, dangling: false, connections: undefined },
  };
  const done = { ...drain, drainedAt: 3, cutOff: 0 };
  const begun = `real server 10.1.1.2:80 of web: draining (was: drain by ada)\n  weight 2 → 0\n  note: mind\n`;
  const what = 'real server 10.1.1.2:80 of web:';

  test('a drain is waited for', async () => {
    drains = [drain, drain, done];
    expect(await vipward(['drain', 'web', '10.1.1.2:80', '--timeout', '90s', ...runtime])).toEqual({
      code: 0,
      out: `${begun}${what} drained, no connection was left\n`,
      err: '',
    });
    expect(said.at(-1)).toMatchObject({ ...spoken, action: 'drain', timeout: 90_000 });
  });

  test.each([
    ['the time was over, 7 connections were cut off', { ...done, cutOff: 7 }],
    ['somebody ended the drain', { ...drain, action: 'disable' } as const],
    [
      'it left the file before it was drained; when it comes back, it drains on',
      { ...drain, dangling: true },
    ],
  ])('a drain that fails: %s', async (words, last) => {
    drains = [drain, last];
    const err = `${what} ${words}\n`;
    expect(await vipward(['drain', 'web', '10.1.1.2:80', ...runtime])).toEqual({ code: 1, out: begun, err });
  });

  test('a drain of which nobody can tell anything is not waited for', async () => {
    drains = [drain];
    unavailable = 'the kernel has no IPVS';
    const { code, out, err } = await vipward(['drain', 'web', '10.1.1.2:80', ...runtime]);
    unavailable = undefined;
    expect({ code, out }).toEqual({
      code: 1,
      out: `${begun}  the IPVS table cannot be changed: the kernel has no IPVS\n`,
    });
    expect(err).toContain('nobody can tell when it is drained: the kernel has no IPVS; it is drained when');
  });

  test('a drain that is not waited for', async () => {
    drains = [drain];
    const { code, out } = await vipward(['drain', 'web', '10.1.1.2:80', '--no-wait', ...runtime]);
    expect({ code, out }).toEqual({ code: 0, out: begun });
  });

  test.each([
    ['disable', [], { action: 'disable', reason: 'disk' }, 'disabled (was: drain by ada)'],
    ['enable', [], { action: 'enable' }, 'as in the file again (was: drain by ada)'],
    [
      'weight',
      ['5'],
      { action: 'weight', weight: 5, reason: 'disk' },
      'weight 5 until vipward enable (was: drain by ada)',
    ],
  ])('%s', async (command, more, asked, words) => {
    drains = [{ ...drain, weight: 5 }];
    const reason = command === 'enable' ? [] : ['--reason', 'disk'];
    const { code, out } = await vipward([command, 'web', '10.1.1.2:80', ...more, ...reason, ...runtime]);
    expect({ code, out }).toEqual({ code: 0, out: `${what} ${words}\n  weight 2 → 0\n  note: mind\n` });
    expect(said.at(-1)).toMatchObject({ ...spoken, ...asked, by: 'ada by sudo' });
  });

  test('a name that nothing has, and a weight or a time that is none', async () => {
    expect(await vipward(['disable', 'wep', '10.1.1.2:80', ...runtime])).toMatchObject({
      code: 1,
      err: 'vipward: the daemon refused: there is no service wep: did you mean web?\n',
    });
    expect((await vipward(['weight', 'web', '10.1.1.2:80', '-1', ...runtime])).code).toBe(2);
    expect((await vipward(['weight', 'web', '10.1.1.2:80', '2147483648', ...runtime])).code).toBe(2);
    expect(await vipward(['drain', 'web', '10.1.1.2:80', '--timeout', '5', ...runtime])).toMatchObject({
      code: 2,
      err: expect.stringContaining('A time is a number with a unit: 30s, 5m, 2h.'),
    });
  });
});

describe('output that goes nowhere', () => {
  test.each([
    [0, ['status', '--json', ...runtime]],
    [0, ['check', goodFile]],
    [1, ['check', badFile]],
    [1, ['check', badFile, '--json']],
  ])('into pipes that nobody reads leaves the exit code %i of %j', async (code, args) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(code);
  });

  test('onto a full disk is a failure', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'check', goodFile], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [err, code] = await Promise.all([child.stderr ? text(child.stderr) : '', closed]);
    expect(err).toMatch(/^vipward: cannot write the output: ENOSPC.*\n$/m);
    expect(code).toBe(1);
  });
});

describe('without a daemon', () => {
  test.each([['status'], ['reload'], ['plan', goodFile], ['handover', 'web'], ['resume']])(
    '%s',
    async (...args) => {
      const { code, out, err } = await vipward([...args, '--runtime-dir', '/nowhere']);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toBe(
        'vipward: no daemon answers on /nowhere/control.sock: is vipward running? See systemctl status vipward\n',
      );
    },
  );

  test('that lets this user in', async () => {
    const socket = join(directory.path, SOCKET_NAME);
    chownSync(socket, NOBODY, NOBODY);
    try {
      // Root that may no more than others may: any other user could perhaps not even read the program.
      const bounds = '--bounding-set=-dac_override,-dac_read_search';
      const { code, err } = await outcomeOf('setpriv', [
        bounds,
        process.execPath,
        MAIN,
        'status',
        ...runtime,
      ]);
      expect(err).toContain(`you may not use ${socket}`);
      expect(code).toBe(1);
    } finally {
      chownSync(socket, 0, 0);
    }
  });
});

const GOOD = `\
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    priority: 150
    advert_interval: 1s
    addresses: [10.1.1.254/24]
services:
  web:
    address: 10.1.1.254
    port: 80
    protocol: tcp
    scheduler: wrr
    forwarding: dr
    real_servers:
      - { address: 10.1.1.2, weight: 2 }
      - { address: 10.1.1.3, weight: 1 }
`;
