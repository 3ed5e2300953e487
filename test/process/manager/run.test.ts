import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outcomeText, type RunOutcome, type RunRequest } from '../../../src/manager/run/program.ts';
import { runProgram } from '../../../src/manager/run/run.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { until } from '../../support/until.ts';
import { isAlive, makeScripts, type Scripts, zombies } from './scripts.ts';

let scripts: Scripts;
beforeEach(() => {
  scripts = makeScripts();
});
afterEach(async () => {
  await until(() => zombies().length === 0);
  scripts.remove();
});

const LONG = milliseconds(60_000);
const run = (command: readonly string[], more: Partial<RunRequest> = {}): Promise<RunOutcome> =>
  runProgram({ command, user: undefined, group: undefined, timeout: LONG, ...more });
const descriptors = () => readdirSync('/proc/self/fd').length;

describe('a program that is run', () => {
  it('gets its arguments as they are, past no shell', async () => {
    const outcome = await run(['/usr/bin/printf', '%s|', 'two words', '$HOME', '*', "it's"]);
    expect(outcome).toEqual({ kind: 'exited', code: 0, output: "two words|$HOME|*|it's|" });
  });

  it('is looked up in the usual places', async () => {
    expect(await run(['true'])).toEqual({ kind: 'exited', code: 0, output: '' });
  });

  it('tells its exit code and what it printed on either channel, in order', async () => {
    const path = scripts.add('a', 'echo one; echo two >&2; echo three > /dev/stderr; exit 3');
    expect(await run([path])).toEqual({ kind: 'exited', code: 3, output: 'one\ntwo\nthree' });
  });

  it('tells the signal that ended it', async () => {
    const outcome = await run([scripts.add('a', 'kill -SEGV $$')]);
    expect(outcome).toEqual({ kind: 'signalled', signal: 'SIGSEGV', output: '' });
    expect(outcomeText(outcome)).toBe('ended by SIGSEGV');
  });

  it('reads its input to the end', async () => {
    expect(await run(['cat'], { input: 'action=off\nport=1\n' })).toMatchObject({
      output: 'action=off\nport=1',
    });
    expect(await run(['cat'])).toMatchObject({ code: 0, output: '' });
  });

  it('may end without reading its input', async () => {
    expect(await run(['true'], { input: 'x'.repeat(1_000_000) })).toMatchObject({ code: 0 });
  });

  it('sees PATH, LANG and what it is given, and no more', async () => {
    const { output } = (await run(['/usr/bin/env'], { environment: { VIPWARD_STATE: 'MASTER' } })) as {
      output: string;
    };
    const names = output.split('\n').map((line) => line.split('=')[0]);
    expect(names.sort()).toEqual(['LANG', 'PATH', 'VIPWARD_STATE']);
  });

  it('has none of our descriptors, and leads a group and a session of its own', async () => {
    const path = scripts.add('a', 'ls -1 /proc/$$/fd; ps -o pid=,pgid=,sid= -p $$');
    // What the test itself was started with is not ours to close; everything that Node opens is.
    const inherited = execFileSync('/bin/ls', ['-1', '/proc/self/fd'], { encoding: 'utf8' }).split('\n');
    const { output } = (await run([path])) as { output: string };
    const [ids = '', ...fds] = output.split('\n').reverse();
    expect(fds.filter((fd) => !['0', '1', '2', '255', ...inherited].includes(fd))).toEqual([]);
    const [pid, group, session] = ids.trim().split(/\s+/);
    expect([group, session]).toEqual([pid, pid]);
  });

  it('becomes another user and group, without our supplementary groups', async () => {
    const path = scripts.add('a', 'id -u; id -g; id -G; echo err > /dev/stderr');
    chmodSync(scripts.folder, 0o755);
    expect(await run([path], { user: 'nobody' })).toMatchObject({ output: '65534\n65534\n65534\nerr' });
    expect(await run([path], { user: '4321', group: 'daemon' })).toMatchObject({
      output: '4321\n1\n1\nerr',
    });
  });

  it('is refused for a user or group that nobody knows', async () => {
    expect(await run(['true'], { user: 'no-such-user' })).toEqual({
      kind: 'not-started',
      busy: false,
      reason: expect.stringContaining('there is no user no-such-user in /etc/passwd'),
    });
    expect(await run(['true'], { group: 'no-such-group' })).toMatchObject({ kind: 'not-started' });
  });
});

describe('a program that is not there or not fit', () => {
  it('is not started, and says why', async () => {
    expect(await run(['/nowhere/at/all'])).toEqual({
      kind: 'not-started',
      busy: false,
      reason: 'there is no /nowhere/at/all',
    });
    expect(await run(['no-such-program'])).toMatchObject({
      reason: expect.stringContaining('there is no program no-such-program in /usr/local/sbin'),
    });
    expect(await run(['relative/path'])).toMatchObject({ reason: expect.stringContaining('relative path') });
    expect(await run(['/tmp'])).toMatchObject({ reason: '/tmp is not a file' });
    expect(await run([])).toMatchObject({ reason: 'the command is empty' });
    const path = scripts.add('a', 'true');
    chmodSync(path, 0o644);
    expect(await run([path])).toMatchObject({ reason: `${path} is not executable: chmod +x it` });
  });

  it('is not started when its interpreter is missing, or an argument cannot be one', async () => {
    const path = scripts.add('a', '');
    execFileSync('sed', ['-i', '1s|.*|#!/no/such/shell|', path]);
    expect(await run([path])).toMatchObject({ kind: 'not-started', busy: false });
    expect(await run(['true', 'a\0b'])).toMatchObject({ kind: 'not-started', busy: false });
    expect(await run(['true', 'x'.repeat(200_000)])).toMatchObject({ kind: 'not-started', busy: false });
  });

  it('is refused where somebody else could change what root runs, and not where that user runs it', async () => {
    const path = scripts.add('a', 'id -u');
    chownSync(path, 65_534, 65_534);
    expect(await run([path])).toMatchObject({
      kind: 'not-started',
      busy: false,
      reason: expect.stringContaining(`${path} belongs to user 65534, and root would run it`),
    });
    chmodSync(scripts.folder, 0o755);
    expect(await run([path], { user: 'nobody' })).toMatchObject({ code: 0, output: '65534' });
  });

  it('leaves no descriptor behind', async () => {
    await run(['true']);
    const before = descriptors();
    for (let i = 0; i < 20; i++) {
      await run(['/nowhere']);
      await run(['true', 'a\0b']);
      await run(['true'], { user: 'no-such-user' });
      await run([process.execPath, '\u{1F4A9}'.repeat(40_000)]);
    }
    await until(() => descriptors() <= before);
  });
});

describe('a machine that has no process left', () => {
  it('is an outcome of its own', async () => {
    const entry = join(import.meta.dirname, 'no-process-left.ts');
    // Root is exempt from this limit, as long as it is root.
    const printed = execFileSync('prlimit', ['--nproc=1:', process.execPath, entry], { encoding: 'utf8' });
    expect(JSON.parse(printed)).toEqual({
      kind: 'not-started',
      busy: true,
      reason: expect.stringContaining('EAGAIN'),
    });
  });

  it('is one with no descriptor left as well', async () => {
    const limits = await limitsFromOutside();
    await run(['true']);
    await limits.next();
    const outcome = await run(['true'], { user: 'nobody' });
    await limits.next();
    expect(outcome).toMatchObject({ kind: 'not-started', busy: true });
    expect(await run(['true'], { user: 'nobody' })).toMatchObject({ code: 0 });
  });
});

describe('a program whose time is up', () => {
  it('gets SIGTERM, together with what it started', async () => {
    const path = scripts.add(
      'a',
      'sleep 1000 & child=$!; trap "echo bye; exit 0" TERM; echo $child > $here/child; wait',
    );
    // On a busy machine the shell may not have come to its trap by then: it has more time the next time.
    for (const timeout of [1_000, 4_000, 16_000]) {
      const outcome = await run([path], { timeout: milliseconds(timeout) });
      if (scripts.read('child') === '') continue;
      expect(outcome).toEqual({ kind: 'timed-out', after: timeout, output: 'bye' });
      break;
    }
    expect(scripts.read('child')).not.toBe('');
    await until(() => !isAlive(Number(scripts.read('child'))));
  });

  it('is killed when it ignores that, with all that ignore it too', async () => {
    const path = scripts.add(
      'a',
      'trap "" TERM; (while :; do sleep 1; done) & echo $! > $here/child; wait; wait',
    );
    const outcome = await run([path], { timeout: milliseconds(200), grace: milliseconds(100) });
    expect(outcomeText(outcome)).toBe('timed out after 200ms');
    await until(() => !isAlive(Number(scripts.read('child'))));
  });

  it('is ended by an abort in the same way, also before it began', async () => {
    const stop = new AbortController();
    const path = scripts.add('a', 'echo begun > $here/begun; exec sleep 1000');
    const outcome = run([path], { signal: stop.signal });
    await scripts.lines('begun', 1);
    stop.abort();
    expect(await outcome).toEqual({ kind: 'aborted', output: '' });
    expect(await run([path], { signal: AbortSignal.abort() })).toEqual({ kind: 'aborted', output: '' });
  });

  it('is not blamed for the time in which this process stood still', async () => {
    const path = scripts.add(
      'a',
      'echo > $here/begun; until [ -e $here/go ]; do sleep 0.02; done; echo well',
    );
    const timeout = milliseconds(2_000);
    const outcome = run([path], { timeout });
    await scripts.lines('begun', 1);
    scripts.add('go', '');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeout + 500);
    expect(await outcome).toEqual({ kind: 'exited', code: 0, output: 'well' });
  });

  it('is heard to its last word by a process that stood still when it ended', async () => {
    const path = scripts.add('a', '{ sleep 0.05; echo last; echo > $here/said; } & echo first');
    process.once('SIGCHLD', () => {
      const from = performance.now();
      while (scripts.read('said') === '' && performance.now() - from < 10_000);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    });
    expect(await run([path])).toEqual({ kind: 'exited', code: 0, output: 'first\nlast' });
  });

  it('is ended even when it was stopped', async () => {
    const path = scripts.add('a', 'kill -STOP $$');
    const outcome = await run([path], { timeout: milliseconds(100), grace: milliseconds(100) });
    expect(outcome.kind).toBe('timed-out');
  });
});

describe('a program that leaves something running', () => {
  it('is not waited for any longer, and what it left lives on and may go on printing', async () => {
    const path = scripts.add(
      'a',
      '(read < $here/go; echo still here && echo printed > $here/left; exec sleep 1000) & echo $! > $here/child; echo done',
    );
    execFileSync('mkfifo', [`${scripts.folder}/go`]);
    expect(await run([path])).toEqual({ kind: 'exited', code: 0, output: 'done' });
    const child = Number(scripts.read('child'));
    expect(isAlive(child)).toBe(true);
    execFileSync('sh', ['-c', `echo > ${scripts.folder}/go`]);
    expect(await scripts.lines('left', 1)).toEqual(['printed']);
    process.kill(child, 'SIGKILL');
    await until(() => !isAlive(child));
  });
});

describe('a program that prints without measure', () => {
  it('is heard to the end, and only its beginning is kept', async () => {
    const outcome = await run(['head', '-c', '8000000', '/dev/zero']);
    expect(outcome).toMatchObject({ kind: 'exited', code: 0 });
    expect((outcome as { output: string }).output.length).toBe(4 * 1024 + 1);
  });

  it('does not keep this process from its work until its time is up', async () => {
    const before = process.cpuUsage();
    const outcome = await run(['yes'], { timeout: milliseconds(1_000) });
    const { user, system } = process.cpuUsage(before);
    expect(outcome.kind).toBe('timed-out');
    // Without a brake it is a whole second, on two threads.
    expect((user + system) / 1e6).toBeLessThan(0.7);
  });
});

describe('two hundred programs at once', () => {
  it('all run, and the event loop turns meanwhile', async () => {
    const before = descriptors();
    let turns = 0;
    let running = true;
    const turn = () => {
      turns++;
      if (running) setImmediate(turn);
    };
    turn();
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, i) => run(['/bin/sh', '-c', `echo ${i}; exit ${i % 7}`])),
    );
    running = false;
    expect(outcomes).toEqual(
      Array.from({ length: 200 }, (_, i) => ({ kind: 'exited', code: i % 7, output: String(i) })),
    );
    expect(turns).toBeGreaterThan(200);
    await until(() => descriptors() <= before + 1);
  });
});

/** A helper that takes all descriptors away from this process at the first `next`, and gives them back at the second. */
async function limitsFromOutside(): Promise<{ next(): Promise<void> }> {
  const set = (soft: string) => `read && prlimit --pid ${process.pid} --nofile=${soft}: && echo done;`;
  const script = `old=$(prlimit --pid ${process.pid} --nofile -o SOFT --noheadings); ${set('3')} ${set('$old')}`;
  const helper = spawn('/bin/bash', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(helper, 'spawn');
  return {
    async next() {
      helper.stdin.write('\n');
      await once(helper.stdout, 'data');
    },
  };
}
