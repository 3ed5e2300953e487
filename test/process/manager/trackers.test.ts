import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcessTable } from '../../../src/manager/tracking/process-table.ts';
import { TrackerBook } from '../../../src/manager/tracking/trackers.ts';
import type {
  FileTracker,
  ProcessTracker,
  ScriptTracker,
  Trackers,
  TrackVerdict,
} from '../../../src/model/tracking.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { monotonicNow } from '../../../src/sys/clock.ts';
import { until } from '../../support/until.ts';
import { isAlive, makeScripts, type Scripts, zombies } from './scripts.ts';

const NONE: Trackers = { scripts: [], processes: [], files: [], gateways: [] };
let scripts: Scripts;
let book: TrackerBook;
let heard: TrackVerdict[];
let log: string[];
let wake = Promise.withResolvers<void>();
const children: ChildProcess[] = [];

beforeEach(() => {
  scripts = makeScripts();
  heard = [];
  log = [];
  book = new TrackerBook({
    onVerdicts: (verdicts) => {
      heard.push(...verdicts);
      wake.resolve();
      wake = Promise.withResolvers();
    },
    log: (level, message) => log.push(`${level} ${message}`),
    clock: monotonicNow,
  });
});
afterEach(async () => {
  book.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  scripts.remove();
  await until(() => zombies().length === 0);
});

/** Longer than anything takes on a busy machine, in ms. */
const LIMIT = 60_000;

/**
 * The first verdict that fits, of those told since the last one of the same tracker that was waited for: which of two
 * trackers looks first is nobody's promise.
 */
async function told(fits: Partial<TrackVerdict> | RegExp): Promise<TrackVerdict> {
  for (const begun = Date.now(); ; ) {
    const at = heard.findIndex((verdict) =>
      fits instanceof RegExp
        ? fits.test(verdict.reason)
        : Object.entries(fits).every(([key, value]) => verdict[key as keyof TrackVerdict] === value),
    );
    const found = heard[at];
    if (found !== undefined) {
      heard = heard.filter(({ name }, place) => place > at || name !== found.name);
      return found;
    }
    const left = begun + LIMIT - Date.now();
    if (left <= 0)
      throw new Error(
        `nothing fits ${fits instanceof RegExp ? fits : JSON.stringify(fits)} of ${JSON.stringify(heard)}`,
      );
    await Promise.race([wake.promise, delay(left, undefined, { ref: false })]);
  }
}

const script = (path: string, more: Partial<ScriptTracker> = {}): ScriptTracker => ({
  name: 'check',
  command: [path],
  interval: milliseconds(50),
  timeout: milliseconds(20_000),
  rise: 1,
  fall: 1,
  initial: 'wait',
  user: undefined,
  group: undefined,
  ...more,
});
const startScript = (path: string, more: Partial<ScriptTracker> = {}) =>
  book.configure({ ...NONE, scripts: [script(path, more)] });

describe('a tracked script', () => {
  it('is unknown until its first result, and then follows its exit code', async () => {
    writeFileSync(`${scripts.folder}/code`, '0');
    startScript(scripts.add('a', 'exit $(cat $here/code)'));
    expect(book.verdicts).toEqual([
      { kind: 'script', name: 'check', state: 'unknown', value: 1, reason: 'has not been run yet' },
    ]);
    expect(await told({ state: 'up' })).toMatchObject({ reason: 'exit code 0' });
    writeFileSync(`${scripts.folder}/code`, '3');
    expect(await told({ state: 'down' })).toMatchObject({ reason: 'exit code 3' });
    writeFileSync(`${scripts.folder}/code`, '0');
    await told({ state: 'up' });
    // A busy machine may not get through a run within the interval, which is logged as well.
    expect(log.filter((line) => !line.includes('still running'))).toEqual([
      'info script check is up: exit code 0',
      'warn script check is down: exit code 3',
      'info script check is up: exit code 0',
    ]);
  });

  it('counts to rise and fall, and says so', async () => {
    writeFileSync(`${scripts.folder}/code`, '0');
    startScript(scripts.add('a', 'exit $(cat $here/code)'), { rise: 2, fall: 3 });
    await told({ state: 'up' });
    writeFileSync(`${scripts.folder}/code`, '1');
    expect(await told(/1 of 3/)).toMatchObject({ state: 'up', reason: 'exit code 1 (1 of 3 to be down)' });
    await told(/2 of 3/);
    expect(await told(/^exit code 1$/)).toMatchObject({ state: 'down' });
    writeFileSync(`${scripts.folder}/code`, '0');
    expect(await told(/1 of 2/)).toMatchObject({ state: 'down' });
    await told({ state: 'up' });
  });

  it('is down when it does not end in time, with everything that it started', async () => {
    const path = scripts.add('a', 'trap "" TERM; sleep 1000 & echo $! >> $here/children; wait');
    startScript(path, { timeout: milliseconds(200) });
    expect(await told({ state: 'down' })).toMatchObject({ reason: 'timed out after 200ms' });
    const [first] = await scripts.lines('children', 1);
    // The signal is sent before the verdict; when it has taken effect is up to the kernel.
    await until(() => !isAlive(Number(first)));
  });

  it('runs once at a time, however long it takes: what is left out is counted', async () => {
    const path = scripts.add(
      'a',
      'mkdir $here/lock || echo twice >> $here/overlap; sleep 0.3; rmdir $here/lock; echo x >> $here/runs',
    );
    startScript(path, { interval: milliseconds(20) });
    await scripts.lines('runs', 3);
    const counts = book.activity.find(({ kind, name }) => kind === 'script' && name === 'check');
    // A run takes as long as fifteen intervals, and more where a busy machine counts fewer of them.
    expect(counts?.skipped).toBeGreaterThan(3 * (counts?.looks ?? Infinity));
    expect(scripts.read('overlap')).toBe('');
    expect(log.filter((line) => line.includes('still running'))).not.toEqual([]);
  });

  it('runs once at a time under another definition too, however slowly the former run ends', async () => {
    const path = scripts.add(
      'a',
      [
        'trap "sleep 0.3; rmdir $here/lock; exit" TERM',
        'mkdir $here/lock || echo twice >> $here/overlap',
        'echo x >> $here/begun',
        'sleep 1000 & wait',
      ].join('\n'),
    );
    for (const rise of [1, 2, 3, 4]) {
      startScript(path, { rise });
      // One that comes while the former ends takes its place.
      if (rise !== 2) await scripts.lines('begun', rise === 1 ? 1 : rise - 1);
    }
    expect(scripts.read('overlap')).toBe('');
  });

  it('is down while its file is gone, and comes back with it', async () => {
    const path = scripts.add('a', 'exit 0');
    startScript(path);
    await told({ state: 'up' });
    rmSync(path);
    expect(await told({ state: 'down' })).toMatchObject({ reason: `not started: there is no ${path}` });
    scripts.add('a', 'exit 0');
    await told({ state: 'up' });
  });

  it('keeps its state while the machine has no process for it, and is tried again', async () => {
    let busy = false;
    book.close();
    const { runProgram } = await import('../../../src/manager/run/run.ts');
    book = new TrackerBook({
      onVerdicts: (verdicts) => {
        heard.push(...verdicts);
        wake.resolve();
        wake = Promise.withResolvers();
      },
      log: (level, message) => log.push(`${level} ${message}`),
      clock: monotonicNow,
      // What the kernel's refusal becomes is tested with a real one in run.test.ts.
      run: (request) =>
        busy
          ? Promise.resolve({ kind: 'not-started', busy: true, reason: 'spawn true EAGAIN' })
          : runProgram(request),
    });
    startScript('/bin/true');
    await told({ state: 'up' });
    busy = true;
    expect(await told(/EAGAIN/)).toMatchObject({
      state: 'up',
      reason: 'not started: spawn true EAGAIN; as before until it can be run',
    });
    busy = false;
    expect(await told(/exit code 0/)).toMatchObject({ state: 'up' });
    expect(log.filter((line) => line.includes('could not be run'))).toHaveLength(1);
  });

  it('is up or down from the start where it is told to be', () => {
    const slow = scripts.add('a', 'sleep 1000');
    startScript(slow, { initial: 'up' });
    expect(book.verdicts[0]?.state).toBe('up');
    startScript(slow, { initial: 'down', name: 'other' });
    expect(book.verdicts.map(({ state }) => state)).toEqual(['down']);
  });
});

describe('a reload', () => {
  it('leaves alone what has not changed, begins what has with its state, ends what is gone', async () => {
    const path = scripts.add('a', 'echo $$ >> $here/pids; trap "" TERM; read < $here/never; sleep 1000');
    const other = scripts.add('b', 'exit 1');
    execFileSync('mkfifo', [`${scripts.folder}/never`]);
    const kept = script(path, { name: 'kept', initial: 'up' });
    const changed = script(other, { name: 'changed' });
    book.configure({ ...NONE, scripts: [kept, changed] });
    await told({ name: 'changed', state: 'down' });
    const [pid] = await scripts.lines('pids', 1);
    book.configure({ ...NONE, scripts: [kept, { ...changed, command: [scripts.add('c', 'sleep 1000')] }] });
    expect(book.verdicts.map(({ name, state }) => [name, state])).toEqual([
      ['kept', 'up'],
      ['changed', 'down'],
    ]);
    expect(isAlive(Number(pid))).toBe(true);
    book.configure(NONE);
    expect(book.verdicts).toEqual([]);
    process.kill(Number(pid), 'SIGKILL');
  });

  it('tracks only what is used', () => {
    const scriptsOf = [script('/bin/true', { name: 'one' }), script('/bin/true', { name: 'two' })];
    const use = { kind: 'script', name: 'two', weight: undefined, inverse: false } as const;
    book.configure({ ...NONE, scripts: scriptsOf }, [use]);
    expect(book.verdicts.map(({ name }) => name)).toEqual(['two']);
  });
});

describe('a tracked process', () => {
  const tracker = (more: Partial<ProcessTracker> = {}): ProcessTracker => ({
    name: 'daemon',
    process: `${scripts.folder}/vipward-daemon`,
    arguments: [],
    least: 1,
    most: undefined,
    interval: milliseconds(50),
    grace: milliseconds(0),
    ...more,
  });
  const begin = async (...args: string[]): Promise<ChildProcess> => {
    const child = spawn(`${scripts.folder}/vipward-daemon`, ['1000', ...args]);
    children.push(child);
    await once(child, 'spawn');
    return child;
  };
  const end = async (child: ChildProcess) => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  beforeEach(() => copyFileSync('/bin/sleep', `${scripts.folder}/vipward-daemon`));

  it('is up while enough of it run, by path and by name', async () => {
    book.configure({
      ...NONE,
      processes: [tracker(), tracker({ name: 'two', process: 'vipward-daemon', least: 2 })],
    });
    expect(await told({ name: 'daemon', state: 'down' })).toMatchObject({
      reason: '0 of 1 wanted are running',
    });
    const first = await begin();
    await told({ name: 'daemon', state: 'up' });
    await told({ name: 'two', reason: '1 of 2 wanted are running' });
    await begin();
    await told({ name: 'two', state: 'up' });
    await end(first);
    await told({ name: 'two', state: 'down' });
  });

  it('may not be too many, and must have its arguments', async () => {
    book.configure({ ...NONE, processes: [tracker({ most: 1, arguments: ['2000'] })] });
    await begin();
    await told({ state: 'down' });
    await begin('2000');
    await told({ state: 'up' });
    const third = await begin('2000');
    expect(await told({ state: 'down' })).toMatchObject({ reason: '2 are running, at most 1 are wanted' });
    await end(third);
    await told({ state: 'up' });
  });

  it('has its grace to come back, and none beyond', async () => {
    book.configure({ ...NONE, processes: [tracker({ grace: milliseconds(1_000) })] });
    await told({ state: 'down' });
    const first = await begin();
    await told({ state: 'up' });
    await end(first);
    expect(await told(/to come back/)).toMatchObject({ state: 'up' });
    const second = await begin();
    expect(await told({ reason: 'running' })).toMatchObject({ state: 'up' });
    await end(second);
    await told({ state: 'down' });
  });

  it('is not running when it has ended, even if nobody has noticed', async () => {
    const parent = spawn('/bin/bash', [
      '-c',
      `${scripts.folder}/vipward-daemon 1000 & echo $!; exec sleep 1000`,
    ]);
    children.push(parent);
    const [pid] = await once(parent.stdout, 'data');
    book.configure({ ...NONE, processes: [tracker()] });
    await told({ state: 'up' });
    process.kill(Number(String(pid)), 'SIGKILL');
    await told({ state: 'down' });
  });

  it('costs a few reads while it runs', async () => {
    await begin();
    const table = new ProcessTable();
    table.setWanted([tracker()]);
    expect(await table.count('daemon')).toBe(1);
    expect(table.scans).toBe(1);
    for (let i = 0; i < 10; i++) expect(table.remaining('daemon')).toBe(1);
    expect(table.scans).toBe(1);
  });
});

describe('a tracked file', () => {
  const tracker = (more: Partial<FileTracker> = {}): FileTracker => ({
    name: 'number',
    path: `${scripts.folder}/number`,
    // Far beyond the test: what is told of before comes from the kernel's notices.
    interval: milliseconds(600_000),
    ...more,
  });
  const put = (text: string) => writeFileSync(`${scripts.folder}/number`, text);

  it('holds 0 while it is not there or empty, and its number otherwise, at once', async () => {
    book.configure({ ...NONE, files: [tracker()] });
    expect(await told({ state: 'up' })).toMatchObject({ value: 0, reason: 'empty or not there, which is 0' });
    put('-20\n');
    await told({ state: 'up', value: -20 });
    writeFileSync(`${scripts.folder}/new`, '7');
    renameSync(`${scripts.folder}/new`, `${scripts.folder}/number`);
    await told({ state: 'up', value: 7 });
    rmSync(`${scripts.folder}/number`);
    await told({ state: 'up', value: 0 });
  });

  it('is down when there is no number to be had', async () => {
    put('many');
    book.configure({ ...NONE, files: [tracker()] });
    expect(await told({ state: 'down' })).toMatchObject({ value: 0, reason: 'holds no number: "many"' });
    put('3');
    await told({ state: 'up', value: 3 });
    rmSync(`${scripts.folder}/number`);
    mkdirSync(`${scripts.folder}/number`);
    expect(await told({ state: 'down' })).toMatchObject({ reason: expect.stringContaining('is not a file') });
  });

  it('does not flap while it is written anew', async () => {
    put('5');
    book.configure({ ...NONE, files: [tracker({ interval: milliseconds(1_000) })] });
    await told({ value: 5 });
    for (let i = 0; i < 500; i++) put('5');
    put('6');
    await told({ value: 6 });
    expect(heard).toEqual([]);
    expect(log).toEqual(['info file number: holds 5', 'info file number: holds 6']);
  });

  it('is found at its interval where the kernel tells nothing', async () => {
    const folder = `${scripts.folder}/later`;
    book.configure({ ...NONE, files: [tracker({ path: `${folder}/number`, interval: milliseconds(50) })] });
    await told({ value: 0 });
    mkdirSync(folder);
    writeFileSync(`${folder}/number`, '4');
    await told({ value: 4 });
    rmSync(folder, { recursive: true });
    await told({ value: 0 });
    mkdirSync(folder);
    writeFileSync(`${folder}/number`, '9');
    await told({ value: 9 });
  });
});
