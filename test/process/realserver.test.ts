/** `vipward realserver` in a network namespace of its own; tunnels need a kernel that has them: see the lab. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const NAMESPACE = `vwreal${process.pid}`;
const VIP = '10.1.1.254';
const OTHER = '2001:db8::254';
const vipward = join(import.meta.dirname, '../../src/vipward');
const directory = mkdtempSync(join(tmpdir(), 'vipward-realserver-'));

const inside = (...command: readonly string[]) =>
  execFileSync('ip', ['netns', 'exec', NAMESPACE, ...command], { encoding: 'utf8' });
const sysctl = (name: string) => inside('sysctl', '-n', name).trim();
const addresses = () =>
  inside('ip', '-o', 'addr', 'show', 'dev', 'lo')
    .split('\n')
    .flatMap((line) => line.split(/\s+/)[3] ?? [])
    .filter((address) => !/^(127\.|::1)/.test(address));
const realserver = (...args: readonly string[]) => {
  const place = args[0] === 'script' ? [] : ['--state-dir', join(directory, 'state')];
  const { status, stdout, stderr } = spawnSync(
    'ip',
    ['netns', 'exec', NAMESPACE, vipward, 'realserver', ...args, ...place],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
};
const stateFile = () => {
  const [name] = readdirSync(join(directory, 'state')).filter((each) => each.endsWith('.json'));
  return join(directory, 'state', name ?? '');
};
const quiet = () => [sysctl('net.ipv4.conf.all.arp_ignore'), sysctl('net.ipv4.conf.all.arp_announce')];

beforeAll(() => {
  execFileSync('ip', ['netns', 'add', NAMESPACE]);
});
afterAll(() => {
  execFileSync('ip', ['netns', 'del', NAMESPACE]);
  rmSync(directory, { recursive: true });
});

describe('a real server of direct routing', () => {
  it('hides its VIP, shares what two VIPs need, and leaves the host as it was', () => {
    inside('sysctl', '-qw', 'net.ipv4.conf.all.arp_announce=1');
    expect(realserver('start', '--vip', VIP, '--forwarding', 'dr')).toMatchObject({ status: 0, stderr: '' });
    expect(addresses()).toEqual([`${VIP}/32`]);
    expect(quiet()).toEqual(['1', '2']);
    expect(realserver('start', '--vip', VIP, '--forwarding', 'dr').stdout).toBe('nothing to change\n');
    expect(realserver('start', '--vip', OTHER, '10.1.1.253', '--forwarding', 'dr').status).toBe(0);
    expect(realserver('status').status).toBe(0);

    expect(realserver('stop', '--vip', VIP).status).toBe(0);
    expect(addresses().sort()).toEqual(['10.1.1.253/32', `${OTHER}/128`]);
    expect(quiet()).toEqual(['1', '2']);
    expect(realserver('stop', '--vip', '10.1.1.253', OTHER).status).toBe(0);
    expect(addresses()).toEqual([]);
    expect(quiet()).toEqual(['0', '1']);
  });

  it('takes several VIPs up and gives them up at once, as their units do at boot', async () => {
    const vips = ['10.1.1.11', '10.1.1.12', '10.1.1.13'];
    const all = (verb: string, ...more: readonly string[]) =>
      Promise.all(
        vips.map((vip) =>
          promisify(execFile)('ip', [
            ...['netns', 'exec', NAMESPACE, vipward, 'realserver', verb, '--vip', vip, ...more],
            ...['--state-dir', join(directory, 'state')],
          ]),
        ),
      );
    await all('start', '--forwarding', 'dr');
    expect(addresses().sort()).toEqual(vips.map((vip) => `${vip}/32`));
    await all('stop');
    expect([addresses(), quiet()]).toEqual([[], ['0', '1']]);
  });

  it('keeps what was there before it, and what somebody has changed since', () => {
    inside('ip', 'link', 'set', 'lo', 'up');
    inside('ip', 'addr', 'add', `${VIP}/32`, 'dev', 'lo');
    realserver('start', '--vip', VIP, '--forwarding', 'dr');
    inside('sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=2');
    realserver('stop', '--vip', VIP);
    expect(addresses()).toEqual([`${VIP}/32`]);
    expect(quiet()).toEqual(['2', '1']);
    inside('ip', 'addr', 'del', `${VIP}/32`, 'dev', 'lo');
    inside('sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=0');
  });

  it('says what is missing, and fails', () => {
    realserver('start', '--vip', VIP, '--forwarding', 'dr');
    inside('ip', 'addr', 'del', `${VIP}/32`, 'dev', 'lo');
    const { status, stdout } = realserver('status', '--vip', VIP);
    expect([status, stdout]).toEqual([1, expect.stringContaining(`WRONG ${VIP}/32 on lo`)]);
    expect(realserver('stop', '--vip', VIP).status).toBe(0);
  });

  it('fails where it cannot be done, and nothing is left behind', () => {
    const refused = realserver('start', '--vip', '10.1.1.0/24', '--forwarding', 'dr');
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('without a prefix length')]);
    for (const loopback of ['127.0.0.1', '::1', 'fe80::1'])
      expect(realserver('start', '--vip', loopback, '--forwarding', 'dr').status).toBe(2);
    writeFileSync(stateFile(), '{');
    const broken = realserver('start', '--vip', VIP, '--forwarding', 'dr');
    expect([broken.status, broken.stderr]).toEqual([1, expect.stringContaining('is not what vipward wrote')]);
    expect([addresses(), quiet()]).toEqual([[], ['0', '1']]);
    rmSync(stateFile());
  });
});

it('the script does and undoes the same, without vipward', () => {
  const file = join(directory, 'realserver.sh');
  writeFileSync(file, realserver('script', '--vip', VIP, OTHER, '--forwarding', 'dr').stdout);
  const run = (verb: string) => spawnSync('ip', ['netns', 'exec', NAMESPACE, 'sh', file, verb]).status;
  expect([run('start'), run('start'), run('status')]).toEqual([0, 0, 0]);
  expect(addresses()).toEqual([`${VIP}/32`, `${OTHER}/128`]);
  expect(quiet()).toEqual(['1', '2']);
  expect([run('stop'), run('status'), run('stop'), run('again')]).toEqual([0, 1, 0, 2]);
  expect([addresses(), quiet()]).toEqual([[], ['0', '1']]);
});
