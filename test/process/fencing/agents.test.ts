/** Real agents: Debian's fence_dummy, and some of our own that hang, fail, and kill what runs in a namespace. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Fencer } from '../../../src/manager/fencing/fencer.ts';
import { runProgram } from '../../../src/manager/run/run.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { milliseconds } from '../../../src/model/units.ts';

const PEER = '192.0.2.2' as IpAddress;
const execute = promisify(execFile);

async function privateDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'vipward-fence-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** An agent that reads its options into shell variables and then runs `body`. */
async function agentOf(body: string): Promise<{ readonly agent: string; readonly directory: string }> {
  const directory = await privateDirectory();
  const agent = join(directory, 'fence_own');
  const read = 'while IFS== read -r name value; do declare "option_$name=$value"; done';
  await writeFile(agent, `#!/bin/bash\ncd ${directory}\n${read}\n${body}\n`);
  await chmod(agent, 0o755);
  return { agent, directory };
}

function fencer(agent: string, options: Readonly<Record<string, string>>, timeout = 60_000) {
  const lines: string[] = [];
  const subject = new Fencer({
    fencing: { agent, options, timeout: milliseconds(timeout), takeOverAfter: undefined },
    run: runProgram,
    log: (level, message) => lines.push(`${level} ${message}`),
  });
  onTestFinished(() => subject.close());
  return { subject, lines };
}

describe("Debian's fence_dummy", () => {
  it('turns its device off and is asked whether it is', async () => {
    const file = join(await privateDirectory(), 'status');
    await writeFile(file, 'on');
    const { subject, lines } = fencer('fence_dummy', { status_file: file });
    await subject.check();
    expect(lines).toEqual(['info fencing: fence_dummy reaches its device']);
    expect(await readFile(file, 'utf8')).toBe('on');
    expect(await subject.fence(PEER)).toMatchObject({
      done: true,
      reason: expect.stringContaining('its status is off'),
    });
    expect(await readFile(file, 'utf8')).toBe('off');
  });

  it('says why it could not', async () => {
    const options = { type: 'fail', plug: 'p1', power_timeout: '1' };
    const { subject } = fencer('fence_dummy', options);
    const { done, reason } = await subject.fence(PEER);
    expect(done).toBe(false);
    expect(reason).toMatch(/^fence_dummy off: exit code \d+/);
  });
});

describe('an agent of our own', () => {
  it('that is not there is told of at start', async () => {
    const { subject, lines } = fencer('fence_nowhere', {});
    await subject.check();
    expect(lines.join()).toContain('there is no program fence_nowhere');
    expect((await subject.fence(PEER)).done).toBe(false);
  });

  it('that hangs is ended, with what it started, and has failed', async () => {
    const { agent, directory } = await agentOf("trap '' TERM; sleep 600 & echo $! > child; wait; wait");
    // On a busy machine it may not even have begun by then: it has more time the next time.
    for (const timeout of [1_000, 10_000]) {
      const { subject } = fencer(agent, {}, timeout);
      expect(await subject.fence(PEER)).toMatchObject({
        done: false,
        reason: expect.stringContaining('timed out'),
      });
      if (existsSync(join(directory, 'child'))) break;
    }
    const child = Number(await readFile(join(directory, 'child'), 'utf8'));
    await expect.poll(() => isAlive(child)).toBe(false);
  });

  it('is told its secrets where nobody else sees them', async () => {
    const { agent, directory } = await agentOf(
      'tr "\\0" " " < /proc/$$/cmdline > cmdline; env > env; echo "$option_password" > told; echo "$option_password"; exit 1',
    );
    const { subject, lines } = fencer(agent, { password: 'hunter2' });
    await subject.fence(PEER);
    expect((await readFile(join(directory, 'told'), 'utf8')).trim()).toBe('hunter2');
    expect(await readFile(join(directory, 'cmdline'), 'utf8')).not.toContain('hunter2');
    expect(await readFile(join(directory, 'env'), 'utf8')).not.toContain('hunter2');
    expect(lines.join('\n')).not.toContain('hunter2');
    expect(lines.join('\n')).toContain('***');
  });

  it('that kills all that runs on the peer has fenced it when the fencing is done', async () => {
    const namespace = `vw-fence-${process.pid}`;
    await execute('ip', ['netns', 'add', namespace]);
    onTestFinished(async () => void (await execute('ip', ['netns', 'del', namespace])));
    const victim = spawn('ip', ['netns', 'exec', namespace, 'sleep', '600'], { stdio: 'ignore' });
    const ended = once(victim, 'exit');
    onTestFinished(() => void victim.kill('SIGKILL'));
    const inside = async () => (await execute('ip', ['netns', 'pids', namespace])).stdout.trim();
    await expect.poll(inside).not.toBe('');
    const { agent } = await agentOf(`
      case $option_action in
        off) ip netns pids "$option_plug" | xargs -r kill -9 ;;
        status) [ -n "$(ip netns pids "$option_plug")" ] || exit 2 ;;
      esac`);
    const { subject } = fencer(agent, { plug: namespace });
    const { done } = await subject.fence(PEER);
    expect(done).toBe(true);
    expect(await inside()).toBe('');
    expect((await ended)[1]).toBe('SIGKILL');
  });
});

/** One that nobody has buried yet is dead all the same. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: X');
  return !/^State:\s+[ZX]/m.test(status);
}
