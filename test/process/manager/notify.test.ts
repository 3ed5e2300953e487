import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NotifyEvent } from '../../../src/manager/notify/event.ts';
import { NotifyQueue } from '../../../src/manager/notify/queue.ts';
import { runProgram } from '../../../src/manager/run/run.ts';
import { NO_NOTIFY, type NotifyScript, type NotifyTargets } from '../../../src/model/notify.ts';
import type { RouterState } from '../../../src/model/router-status.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { until } from '../../support/until.ts';
import { isAlive, makeScripts, type Scripts, zombies } from './scripts.ts';

const LIMIT = milliseconds(20_000);
let scripts: Scripts;
let log: string[];
let mails: NotifyEvent[];
let queue: NotifyQueue;

beforeEach(() => {
  scripts = makeScripts();
  log = [];
  mails = [];
  queue = open();
});
afterEach(async () => {
  await queue.flush(milliseconds(100));
  await until(() => zombies().length === 0);
  scripts.remove();
});

/** What it says after its test is over is no matter of the next one's. */
function open(stateDir = `${scripts.folder}/state`, run = runProgram): NotifyQueue {
  const [said, sent] = [log, mails];
  return new NotifyQueue({
    stateDir,
    run,
    log: (level, message) => said.push(`${level} ${message}`),
    mail: { send: (event) => sent.push(event), flush: () => Promise.resolve() },
  });
}
const script = (path: string, more: Partial<NotifyScript> = {}): NotifyScript => ({
  command: [path],
  user: undefined,
  group: undefined,
  timeout: LIMIT,
  ...more,
});
/** A script that appends what it was told to `told`. */
const recorder = () => script(scripts.add('all', 'echo "$@" >> $here/told'));
const router = (name: string, notify: Partial<NotifyTargets>) => ({
  name,
  notify: { ...NO_NOTIFY, ...notify },
});
const state = (name: string, word: RouterState | 'stop' | 'wait', reason = 'because', priority = 100) =>
  queue.routerState({
    name,
    state: word === 'stop' || word === 'wait' ? 'initialize' : word,
    started: word !== 'stop',
    waiting: word === 'wait',
    priority,
    reason,
  });
const saved = (): Readonly<Record<string, string>> => {
  const file = `${scripts.folder}/state/notify.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).targets : {};
};

describe('a notify script', () => {
  it('is called with keepalived’s arguments, for each state in order', async () => {
    queue.configure([router('vip1', { all: recorder() })], []);
    state('vip1', 'backup');
    state('vip1', 'active', 'x', 150);
    state('vip1', 'initialize');
    expect(await scripts.lines('told', 3)).toEqual([
      'INSTANCE vip1 BACKUP 100',
      'INSTANCE vip1 MASTER 150',
      'INSTANCE vip1 FAULT 100',
    ]);
  });

  it('follows the state’s own, which gets no arguments but its own, and finds the facts around it', async () => {
    const own = script(scripts.add('own', 'echo "own $* $VIPWARD_STATE $VIPWARD_REASON" >> $here/told'));
    queue.configure(
      [router('vip1', { all: recorder(), active: { ...own, command: [...own.command, 'a b'] } })],
      [],
    );
    state('vip1', 'active', 'no advert for 3 s');
    expect(await scripts.lines('told', 2)).toEqual([
      'own a b MASTER no advert for 3 s',
      'INSTANCE vip1 MASTER 100',
    ]);
  });

  it('of a sync group is told of the group', async () => {
    queue.configure([], [{ name: 'both', members: ['vip1'], notify: { ...NO_NOTIFY, all: recorder() } }]);
    queue.groupState({
      name: 'both',
      state: 'active',
      started: true,
      waiting: false,
      priority: 120,
      reason: 'x',
    });
    expect(await scripts.lines('told', 1)).toEqual(['GROUP both MASTER 0']);
  });

  it('is told nothing of one that still waits for a first result', async () => {
    queue.configure([router('vip1', { all: recorder() })], []);
    state('vip1', 'wait', 'script x has not been looked at yet');
    state('vip1', 'initialize', 'script x: exit code 1');
    expect(await scripts.lines('told', 1)).toEqual(['INSTANCE vip1 FAULT 100']);
  });

  it('is told a state once, however often it is heard, and none before the beginning', async () => {
    queue.configure([router('vip1', { all: recorder() })], []);
    state('vip1', 'stop');
    state('vip1', 'backup');
    state('vip1', 'backup', 'another reason');
    state('vip1', 'stop');
    state('vip1', 'stop');
    expect(await scripts.lines('told', 2)).toEqual(['INSTANCE vip1 BACKUP 100', 'INSTANCE vip1 STOP 100']);
    expect(queue.status[0]?.waiting).toBe(0);
  });

  it('that fails is logged with what it said, and the next state is told all the same', async () => {
    const failing = script(scripts.add('f', 'echo "$@" >> $here/told; echo no such service >&2; exit 3'));
    queue.configure([router('vip1', { all: failing })], []);
    state('vip1', 'backup');
    state('vip1', 'active');
    await scripts.lines('told', 2);
    await until(() => log.length === 2);
    expect(log[0]).toMatch(/^warn notify script \/.*\/f for INSTANCE vip1 BACKUP: exit code 3$/);
  });

  it('that is removed while it is configured is logged, and called again when it is back', async () => {
    const all = recorder();
    queue.configure([router('vip1', { all })], []);
    execFileSync('rm', [all.command[0] ?? '']);
    state('vip1', 'backup');
    await until(() => log.length === 1);
    expect(log[0]).toMatch(/^warn .*BACKUP: not started: there is no /);
    recorder();
    state('vip1', 'active');
    expect(await scripts.lines('told', 1)).toEqual(['INSTANCE vip1 MASTER 100']);
  });

  it('is tried again when the machine has no process for it', async () => {
    let refusals = 2;
    queue = open(undefined, (request) =>
      refusals-- > 0
        ? Promise.resolve({ kind: 'not-started', busy: true, reason: 'spawn EAGAIN' })
        : runProgram(request),
    );
    queue.configure([router('vip1', { all: recorder() })], []);
    state('vip1', 'active');
    expect(await scripts.lines('told', 1)).toEqual(['INSTANCE vip1 MASTER 100']);
  });
});

describe('a notify script that hangs', () => {
  it('is killed when its time is up, and the next one’s turn comes', async () => {
    // A busy machine takes seconds to start a script.
    const path = scripts.add(
      'h',
      'echo "$@" >> $here/told; [ $3 = BACKUP ] && { trap "" TERM; sleep 1000; sleep 1000; }',
    );
    queue.configure([router('vip1', { all: script(path, { timeout: milliseconds(4_000) }) })], []);
    state('vip1', 'backup');
    state('vip1', 'active');
    expect(await scripts.lines('told', 2)).toEqual(['INSTANCE vip1 BACKUP 100', 'INSTANCE vip1 MASTER 100']);
    expect(log[0]).toMatch(/^warn .*BACKUP: timed out after 4s$/);
  });

  it('holds up its own target alone; of a hundred events behind it the oldest are dropped, the latest is told', async () => {
    execFileSync('mkfifo', [`${scripts.folder}/go`]);
    const path = scripts.add(
      'h',
      'echo "$@" >> $here/told; [ -e $here/held ] || { touch $here/held; read < $here/go; }',
    );
    queue.configure([router('slow', { all: script(path) }), router('quick', { all: recorder2() })], []);
    for (let i = 0; i < 100; i++) state('slow', i % 2 === 0 ? 'backup' : 'active', 'flap', 100 + i);
    state('quick', 'active');
    expect(await scripts.lines('quick', 1)).toEqual(['INSTANCE quick MASTER 100']);
    expect(queue.status[0]).toMatchObject({ telling: 'BACKUP', waiting: 64, dropped: 35 });
    await scripts.lines('told', 1);
    execFileSync('sh', ['-c', `echo > ${scripts.folder}/go`]);
    const told = await scripts.lines('told', 65);
    expect(told.at(-1)).toBe('INSTANCE slow MASTER 199');
    expect(told.map((line) => Number(line.split(' ')[3]))).toEqual([
      100,
      ...Array.from({ length: 64 }, (_, i) => 136 + i),
    ]);
    expect(log.filter((line) => line.includes('was not told'))).toHaveLength(35);
  });

  const recorder2 = () => script(scripts.add('quick.sh', 'echo "$@" >> $here/quick'));
});

describe('two hundred virtual routers', () => {
  it('are told of a take-over at once, each in its own order', async () => {
    const path = scripts.add('all', 'echo "$2 $3" >> $here/told');
    const names = Array.from({ length: 200 }, (_, i) => `vip${i}`);
    queue.configure(
      names.map((name) => router(name, { all: script(path) })),
      [],
    );
    for (const name of names) state(name, 'backup');
    for (const name of names) state(name, 'active');
    const told = await scripts.lines('told', 400);
    for (const name of names) {
      expect(told.filter((line) => line.startsWith(`${name} `))).toEqual([
        `${name} BACKUP`,
        `${name} MASTER`,
      ]);
    }
  });
});

describe('after another director was active beside us', () => {
  it('the present state is told again, to the virtual router’s scripts and its group’s', async () => {
    const all = script(scripts.add('all', 'echo "$1 $3 $VIPWARD_REPEATED" >> $here/told'));
    queue.configure(
      [router('vip1', { all })],
      [{ name: 'both', members: ['vip1'], notify: { ...NO_NOTIFY, all } }],
    );
    queue.repeat('vip1');
    state('vip1', 'active');
    await scripts.lines('told', 1);
    queue.groupState({
      name: 'both',
      state: 'active',
      started: true,
      waiting: false,
      priority: 1,
      reason: '',
    });
    await scripts.lines('told', 2);
    queue.repeat('vip1');
    const told = await scripts.lines('told', 4);
    expect(told.slice(2).sort()).toEqual(['GROUP MASTER 1', 'INSTANCE MASTER 1']);
    expect(mails).toEqual([]);
  });

  it('a state that still waits is not told twice', async () => {
    execFileSync('mkfifo', [`${scripts.folder}/go`]);
    const path = scripts.add('h', 'echo "$3" >> $here/told; [ $3 = MASTER ] || read < $here/go');
    queue.configure([router('vip1', { all: script(path) })], []);
    state('vip1', 'backup');
    state('vip1', 'active');
    for (let i = 0; i < 50; i++) queue.repeat('vip1');
    expect(queue.status[0]?.waiting).toBe(1);
    await scripts.lines('told', 1);
    execFileSync('sh', ['-c', `echo > ${scripts.folder}/go`]);
    expect(await scripts.lines('told', 2)).toEqual(['BACKUP', 'MASTER']);
  });
});

describe('the end', () => {
  it('tells STOP to everybody who has not heard it, before it is over', async () => {
    queue.configure([router('vip1', { all: recorder() }), router('vip2', { all: recorder() })], []);
    state('vip1', 'active');
    state('vip1', 'stop');
    state('vip2', 'backup');
    await queue.flush(LIMIT);
    expect((await scripts.lines('told', 4)).filter((line) => line.includes('STOP')).sort()).toEqual([
      'INSTANCE vip1 STOP 100',
      'INSTANCE vip2 STOP 100',
    ]);
    state('vip2', 'active');
    expect(saved()).toEqual({ 'INSTANCE vip1': 'STOP', 'INSTANCE vip2': 'STOP' });
    expect(queue.status.every(({ waiting, telling }) => waiting === 0 && telling === undefined)).toBe(true);
  });

  it('does not wait for a script that hangs, and still tells STOP', async () => {
    const path = scripts.add('h', 'echo "$3" >> $here/told; [ $3 = STOP ] || exec sleep 1000');
    queue.configure([router('vip1', { all: script(path) })], []);
    state('vip1', 'backup');
    state('vip1', 'active');
    await scripts.lines('told', 1);
    await queue.flush(milliseconds(3_000));
    expect(await scripts.lines('told', 2)).toEqual(['BACKUP', 'STOP']);
  });

  it('comes within its limit, whatever hangs', async () => {
    const path = scripts.add('h', 'echo $$ >> $here/pids; exec sleep 1000');
    queue.configure([router('vip1', { all: script(path) })], []);
    state('vip1', 'active');
    const [pid] = await scripts.lines('pids', 1);
    await queue.flush(milliseconds(300));
    await until(() => !isAlive(Number(pid)));
    expect(log.at(-1)).toMatch(/^warn /);
  });
});

describe('a restart', () => {
  it('tells the present state again, and which one was told before', async () => {
    const all = script(scripts.add('all', 'echo "$3 after [$VIPWARD_PREVIOUS_STATE]" >> $here/told'));
    queue.configure([router('vip1', { all, mail: true })], []);
    state('vip1', 'active');
    await until(() => existsSync(`${scripts.folder}/state/notify.json`));
    // The daemon is killed here: nothing more is told.
    queue = open();
    queue.configure([router('vip1', { all, mail: true })], []);
    state('vip1', 'active');
    await scripts.lines('told', 2);
    state('vip1', 'backup');
    expect(await scripts.lines('told', 3)).toEqual([
      'MASTER after []',
      'MASTER after [MASTER]',
      'BACKUP after [MASTER]',
    ]);
    expect(mails.map(({ word }) => word)).toEqual(['MASTER', 'BACKUP']);
  });

  it('goes on without its memory, with a warning, when the file is junk', async () => {
    mkdirSync(`${scripts.folder}/state`);
    writeFileSync(`${scripts.folder}/state/notify.json`, '{"version":1,"targets":{"INSTANCE vip1":"KING"}}');
    queue = open();
    expect(log).toEqual([expect.stringContaining('it is not known which states were told last')]);
    queue.configure([router('vip1', { all: recorder() })], []);
    state('vip1', 'active');
    await scripts.lines('told', 1);
    await until(() => saved()['INSTANCE vip1'] === 'MASTER');
  });

  it('forgets who is no longer configured', async () => {
    queue.configure([router('vip1', { all: recorder() }), router('vip2', { all: recorder() })], []);
    state('vip1', 'active');
    state('vip2', 'active');
    await until(() => Object.keys(saved()).length === 2);
    queue = open();
    queue.configure([router('vip2', { all: recorder() })], []);
    await until(() => Object.keys(saved()).join() === 'INSTANCE vip2');
  });
});

describe('a disk that is full', () => {
  it('costs the memory, is logged once, and nothing else', async () => {
    const disk = `${scripts.folder}/disk`;
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'vipward-notify-test', disk]);
    try {
      writeFileSync(`${disk}/filler`, 'x'.repeat(4096));
      queue = open(disk);
      queue.configure([router('vip1', { all: recorder() })], []);
      state('vip1', 'backup');
      state('vip1', 'active');
      state('vip1', 'backup');
      await scripts.lines('told', 3);
      await until(() => log.some((line) => line.startsWith('warn cannot write')));
      await queue.flush(LIMIT);
      expect(log.filter((line) => line.startsWith('warn'))).toEqual([
        expect.stringContaining(`cannot write ${disk}/notify.json`),
      ]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe('a reload', () => {
  it('tells STOP to who leaves the configuration, once it has ended', async () => {
    const all = recorder();
    queue.configure([router('vip1', { all }), router('vip2', { all })], []);
    state('vip1', 'active');
    await scripts.lines('told', 1);
    queue.configure([router('vip2', { all })], []);
    state('vip1', 'stop');
    expect(await scripts.lines('told', 2)).toEqual(['INSTANCE vip1 MASTER 100', 'INSTANCE vip1 STOP 100']);
    await until(() => queue.status.map(({ name }) => name).join() === 'vip2');
  });

  it('gives the next event to the new script', async () => {
    queue.configure([router('vip1', { all: recorder() })], []);
    state('vip1', 'backup');
    await scripts.lines('told', 1);
    queue.configure([router('vip1', { all: script(scripts.add('b', 'echo new $3 >> $here/told')) })], []);
    state('vip1', 'backup');
    state('vip1', 'active');
    expect(await scripts.lines('told', 2)).toEqual(['INSTANCE vip1 BACKUP 100', 'new MASTER']);
  });
});
