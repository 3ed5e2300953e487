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

  it('warns of an address that is on a link by which it is asked for, again and again, and takes it up', () => {
    inside('ip', 'link', 'add', 'own0', 'type', 'veth', 'peer', 'name', 'own1');
    inside('ip', 'addr', 'add', '10.1.1.2/24', 'dev', 'own0');
    for (const change of ['add 10.1.1.2/32 on lo', 'nothing to change']) {
      const { status, stdout, stderr } = realserver('start', '--vip', '10.1.1.2', VIP, '--forwarding', 'dr');
      expect([status, stdout]).toEqual([0, expect.stringContaining(change)]);
      expect(stderr).toMatch(
        /^warning: 10\.1\.1\.2\/24 is on own0.*realserver stop --vip 10\.1\.1\.2 10\.1\.1\.254/,
      );
    }
    expect(realserver('stop', '--vip', '10.1.1.2', VIP).status).toBe(0);
    expect(addresses()).toEqual([]);
    inside('ip', 'link', 'del', 'own0');
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

it('refuses what does not fit together, and says what to do', () => {
  const told = (...args: readonly string[]) => {
    const { status, stdout, stderr } = realserver(...args);
    return [status, stdout + stderr] as const;
  };
  for (const verb of ['start', 'script'])
    expect(told(verb, '--vip', VIP, '--forwarding', 'dr', '--outer', 'ipv6')).toEqual([
      2,
      expect.stringMatching(/^error: --outer ipv6 is of tunnels.*--forwarding tun\n/),
    ]);
  expect(told('start', '--vip', VIP, VIP, '--forwarding', 'dr')).toEqual([
    2,
    expect.stringContaining('twice'),
  ]);
  expect(told('start', '--vip', VIP, OTHER, '--forwarding', 'dr')[0]).toBe(0);
  expect(told('start', '--vip', VIP, '--forwarding', 'tun')).toEqual([
    1,
    expect.stringContaining(`vipward realserver stop --vip ${VIP} ${OTHER}, then again`),
  ]);
  expect(told('stop', '--vip', VIP)).toEqual([1, expect.stringContaining(`stop --vip ${VIP} ${OTHER}`)]);
  expect(told('stop', '--vip', OTHER, VIP)[0]).toBe(0);
  expect(told('stop', '--vip', VIP)).toEqual([0, expect.stringContaining('nothing to put back')]);
  expect([addresses(), quiet()]).toEqual([[], ['0', '1']]);
});

describe('the script', () => {
  const scriptOf = (name: string, ...vips: readonly string[]) => {
    const file = join(directory, `${name}.sh`);
    writeFileSync(file, realserver('script', '--vip', ...vips, '--forwarding', 'dr').stdout);
    return (verb: string) =>
      spawnSync('ip', ['netns', 'exec', NAMESPACE, 'sh', file, verb], {
        env: { ...process.env, STATE_DIR: directory },
      }).status;
  };

  it('does and undoes the same, without vipward', () => {
    const run = scriptOf('one', VIP, OTHER);
    expect([run('start'), run('start'), run('status')]).toEqual([0, 0, 0]);
    expect(addresses()).toEqual([`${VIP}/32`, `${OTHER}/128`]);
    expect(quiet()).toEqual(['1', '2']);
    expect([run('stop'), run('status'), run('stop'), run('again')]).toEqual([0, 1, 0, 2]);
    expect([addresses(), quiet()]).toEqual([[], ['0', '1']]);
  });

  let several: readonly ReturnType<typeof scriptOf>[] = [];
  beforeAll(() => {
    several = [scriptOf('a', VIP), scriptOf('b', VIP, OTHER), scriptOf('c', '10.1.1.253')];
  });
  it.each([
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ])('of several VIPs: in the order %i %i %i the last puts back what all of them needed', (...order) => {
    const held = [[VIP], [VIP, OTHER], ['10.1.1.253']];
    for (const run of several) expect(run('start')).toBe(0);
    const stopped = new Set<number>();
    for (const each of order) {
      expect([several[each]?.('stop')]).toEqual([0]);
      stopped.add(each);
      const left = held.flatMap((vips, i) => (stopped.has(i) ? [] : vips));
      expect(
        addresses()
          .map((address) => address.split('/')[0])
          .sort(),
      ).toEqual([...new Set(left)].sort());
      expect(quiet()).toEqual(left.length > 0 ? ['1', '2'] : ['0', '1']);
      several.forEach((run, i) => {
        if (!stopped.has(i)) expect(run('status')).toBe(0);
      });
    }
    expect(readdirSync(directory).filter((name) => name.includes('script'))).toEqual([]);
  });
});
