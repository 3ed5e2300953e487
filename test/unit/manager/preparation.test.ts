import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Preparation } from '../../../src/manager/preparation.ts';
import type { PreparedKernel } from '../../../src/manager/prepared-kernel.ts';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import type { ActualTable } from '../../../src/model/ipvs-table.ts';
import { tableOf } from '../../support/held-table.ts';
import { address, virtualRouter } from '../../support/virtual-router.ts';
import { entryAt, realServerAt, virtualServer } from '../../support/virtual-server.ts';

const FORWARD = 'net/ipv4/ip_forward';
const EXPIRE = 'net/ipv4/vs/expire_nodest_conn';

/** Of the link that the real servers are reached by. */
const BEHIND = 'net/ipv4/conf/eth1/forwarding';

let stateDir: string;
let log: string[];
let held: Map<string, string>;
let identity: string;
let modules: Set<string>;
/** As the kernel holds it. */
let table: ActualTable | undefined;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'vipward-preparation-'));
  log = [];
  identity = 'boot 1';
  modules = new Set(['ip_vs', 'ip_vs_wlc']);
  table = [];
  held = new Map([
    [FORWARD, '0'],
    [EXPIRE, '0'],
  ]);
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(stateDir, { recursive: true });
});

const kernel: PreparedKernel = {
  read: (path) => held.get(path.join('/')),
  write: (path, value) => {
    if (!held.has(path.join('/'))) return new Error(`no ${path.join('/')}`);
    held.set(path.join('/'), value);
    return undefined;
  },
  hasModule: (name) => modules.has(name),
  loadModule: (name) => {
    modules.add(name);
    return Promise.resolve(undefined);
  },
  links: () => [],
  linksTo: (addresses) => (addresses.length > 0 && held.has(BEHIND) ? ['eth1'] : []),
  linksInUse: () => ['lo', 'eth0'],
  identity: () => identity,
};
const open = (other = kernel) =>
  new Preparation({
    stateDir,
    kernel: other,
    table: () => table,
    log: (level, message) => void log.push(`${level}: ${message}`),
  });
const preview = (preparation: Preparation, of: ReturnType<typeof config>) =>
  preparation.preview(of, () => table);
/** As the manager does, with the table between both. */
const reload = (preparation: Preparation, of: ReturnType<typeof config>) => [
  ...preparation.configure(of),
  ...preparation.inForce(),
];
const config = (virtualServers: readonly ConfiguredVirtualServer[], prepare = true) => ({
  virtualServers,
  virtualRouters: [],
  fixed: { addresses: [], routes: [], rules: [] },
  ipvs: { sysctl: {}, prepare, sync: undefined },
});
const nat = virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding: 'nat' })] });

describe('a link that does not forward', () => {
  const SETS = 'set net.ipv4.conf.eth1.forwarding: 0 → 1';
  beforeEach(() => {
    held.set(EXPIRE, '1');
    held.set(BEHIND, '0');
  });

  it('is set where the host forwards, told beforehand, and put back', () => {
    held.set(FORWARD, '1');
    const preparation = open();
    expect(preview(preparation, config([nat]))).toEqual([SETS]);
    expect(reload(preparation, config([nat]))).toEqual([SETS]);
    expect(held.get(BEHIND)).toBe('1');
    const dr = virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding: 'dr' })] });
    expect(reload(preparation, config([dr]))).toEqual(['put back net.ipv4.conf.eth1.forwarding: 1 → 0']);
    reload(preparation, config([nat]));
    preparation.close();
    expect([held.get(BEHIND), held.get(FORWARD)]).toEqual(['0', '1']);
  });

  it('is left to ip_forward, which sets all links, where that is to be set', () => {
    const preparation = open();
    const forwards = ['set net.ipv4.ip_forward: 0 → 1'];
    expect(preview(preparation, config([nat]))).toEqual(forwards);
    expect(preparation.configure(config([nat]))).toEqual(forwards);
    preparation.close();
  });

  it('is a problem where nothing is to be prepared', () => {
    held.set(FORWARD, '1');
    const preparation = open();
    preparation.configure(config([nat], false));
    expect(preparation.problems).toEqual([
      'net.ipv4.conf.eth1.forwarding is 0: the replies of real servers behind nat and fullnat that come in by eth1 are ' +
        'not forwarded (sysctl -w net.ipv4.conf.eth1.forwarding=1)',
    ]);
    preparation.close();
  });
});

describe('preparing the kernel', () => {
  it('sets what the services need, says it beforehand, and puts it back at the end', () => {
    const preparation = open();
    expect(preview(preparation, config([nat]))).toEqual([
      'set net.ipv4.ip_forward: 0 → 1',
      'set net.ipv4.vs.expire_nodest_conn: 0 → 1',
    ]);
    expect(preparation.configure(config([nat]))).toHaveLength(2);
    expect([...held.values()]).toEqual(['1', '1']);
    expect(preview(preparation, config([nat]))).toEqual([]);
    preparation.close();
    expect([...held.values()]).toEqual(['0', '0']);
  });

  it('puts back what the services no longer need, and what somebody else set since stays', () => {
    const preparation = open();
    preparation.configure(config([nat]));
    expect(reload(preparation, config([virtualServer()]))).toEqual(['put back net.ipv4.ip_forward: 1 → 0']);
    held.set(EXPIRE, '7');
    preparation.close();
    expect(held.get(EXPIRE)).toBe('7');
  });

  it('leaves alone what is right already, at the end as well', () => {
    held.set(FORWARD, '1');
    const preparation = open();
    preparation.configure(config([nat]));
    preparation.close();
    expect(held.get(FORWARD)).toBe('1');
  });

  it('remembers across a kill what was there, but not across a reboot', () => {
    open().configure(config([nat]));
    const next = open();
    next.configure(config([nat]));
    next.close();
    expect(held.get(FORWARD)).toBe('0');

    open().configure(config([nat]));
    identity = 'boot 2';
    const rebooted = open();
    rebooted.configure(config([nat]));
    rebooted.close();
    expect(held.get(FORWARD)).toBe('1');
  });

  it('knows what it was about to change when it was killed', () => {
    const killed: PreparedKernel = {
      ...kernel,
      write: (path, value) => {
        kernel.write(path, value);
        throw new Error('killed');
      },
    };
    const preparation = open(killed);
    expect(() => preparation.configure(config([nat]))).toThrow('killed');
    expect(held.get(FORWARD)).toBe('1');
    open().close();
    expect(held.get(FORWARD)).toBe('0');
  });

  it('puts back at the end what the vrrp process has changed, also after a crash, and not before', () => {
    const path = ['net', 'ipv4', 'conf', 'eth0', 'promote_secondaries'] as const;
    const change = { path, was: '0', set: '1' };
    held.set(path.join('/'), '1');
    open().adopt(change);
    const preparation = open();
    preparation.adopt({ ...change, was: '1' });
    expect(preview(preparation, config([nat])).join()).not.toContain('put back');
    preparation.configure(config([nat]));
    reload(preparation, config([], false));
    expect(held.get(path.join('/'))).toBe('1');
    preparation.close();
    expect(held.get(path.join('/'))).toBe('0');
    expect(log).toContain('info: set net.ipv4.conf.eth0.promote_secondaries: 0 → 1');
  });

  it('puts back what the vrrp process has changed though it was killed before anybody heard of it', () => {
    const setting = (link: string) => `net/ipv4/conf/${link}/promote_secondaries`;
    const change = {
      path: ['net', 'ipv4', 'conf', 'eth0', 'promote_secondaries'],
      was: '0',
      set: '1',
    } as const;
    for (const link of ['eth0', 'eth1', 'lo']) held.set(setting(link), link === 'lo' ? '1' : '0');
    const killed = open();
    const router = (...devices: readonly string[]) => ({
      virtualRouters: [
        virtualRouter({ addresses: devices.map((device) => ({ ...address('10.1.1.254'), device })) }),
      ],
      fixed: { addresses: [], routes: [], rules: [] },
    });
    killed.expectAddresses(router('eth0', 'eth1', 'eth2', 'lo'));
    for (const link of ['eth0', 'eth1']) held.set(setting(link), '1');
    open().close();
    // One that is not up yet is told of when it is.
    expect(['eth0', 'eth1', 'lo'].map((link) => held.get(setting(link)))).toEqual(['0', '1', '1']);
    const heard = open();
    heard.expectAddresses(router('eth0'));
    expect(held.get(setting('eth0'))).toBe('0');
    heard.adopt(change);
    heard.adopt(change);
    expect(log.filter((line) => line.includes('set net.ipv4.conf.eth0'))).toHaveLength(1);
    heard.close();
    expect(held.get(setting('eth0'))).toBe('0');
  });

  it('tells what cannot be put back, and tries again', () => {
    let refuses = false;
    const stubborn: PreparedKernel = {
      ...kernel,
      write: (path, value) => (refuses ? new Error('read-only') : kernel.write(path, value)),
    };
    const preparation = open(stubborn);
    preparation.configure(config([nat]));
    refuses = true;
    reload(preparation, config([virtualServer()]));
    expect(preparation.problems).toEqual(['cannot put back what was there: read-only']);
    refuses = false;
    reload(preparation, config([virtualServer()]));
    expect([preparation.problems, held.get(FORWARD)]).toEqual([[], '0']);
    preparation.close();
  });

  it('changes nothing when it is told not to, and says what is wrong and how to mend it', () => {
    const preparation = open();
    expect(preparation.configure(config([nat], false))).toEqual([]);
    expect(held.get(FORWARD)).toBe('0');
    expect(preparation.problems).toContain(
      'net.ipv4.ip_forward is 0: the replies of real servers behind nat and fullnat are not forwarded (sysctl -w net.ipv4.ip_forward=1)',
    );
    expect(log).toHaveLength(2);
    preparation.configure(config([nat], false));
    expect(log).toHaveLength(2);
    preparation.close();
  });

  it('leaves the settings of IPVS to whoever tells that there is none', () => {
    held.delete(EXPIRE);
    const preparation = open();
    preparation.configure(config([nat]));
    expect(preparation.problems).toEqual([]);
    preparation.close();
  });

  it('tells what the kernel refuses', () => {
    held.delete(FORWARD);
    const preparation = open();
    preparation.configure(config([nat]));
    expect(preparation.problems).toEqual([
      'no net/ipv4/ip_forward: the replies of real servers behind nat and fullnat are not forwarded',
    ]);
    preparation.close();
  });

  it('puts back nothing before the table is in force', () => {
    const preparation = open();
    preparation.configure(config([nat]));
    expect(preparation.configure(config([virtualServer()]))).toEqual([]);
    expect(held.get(FORWARD)).toBe('1');
    expect(preparation.inForce()).toEqual(['put back net.ipv4.ip_forward: 1 → 0']);
    preparation.close();
  });

  it('puts back nothing that the table still needs, and says that it will', () => {
    vi.useFakeTimers();
    const later = 'put back net.ipv4.ip_forward: 1 → 0, once nothing in the table needs it';
    const preparation = open();
    preparation.configure(config([nat]));
    table = tableOf(nat);
    expect(preview(preparation, config([virtualServer()]))).toEqual([later]);
    expect(reload(preparation, config([virtualServer()]))).toEqual([later]);
    vi.advanceTimersByTime(60_000);
    expect(held.get(FORWARD)).toBe('1');
    table = undefined;
    vi.advanceTimersByTime(60_000);
    expect(held.get(FORWARD)).toBe('1');
    table = tableOf(virtualServer());
    vi.advanceTimersByTime(60_000);
    expect(held.get(FORWARD)).toBe('0');
    expect(log).toContain('info: put back: net.ipv4.ip_forward 1 → 0');
    preparation.close();
  });

  it('forwards what began under nat to its end, where its real server is no longer behind nat', () => {
    vi.useFakeTimers();
    const direct = virtualServer({ realServers: [realServerAt('10.2.0.2')] });
    const busy = (inactive: number): ActualTable =>
      tableOf(direct).map((entry) => ({
        ...entry,
        realServers: entry.realServers.map((server) => ({
          ...server,
          connections: { active: 0, inactive, persistent: 0 },
        })),
      }));
    const back = 'put back net.ipv4.ip_forward: 1 → 0';
    const preparation = open();
    preparation.configure(config([nat]));
    table = busy(1);
    expect(preview(preparation, config([direct]))).toEqual([`${back}, once nothing in the table needs it`]);
    for (let times = 0; times < 2; times++)
      expect(reload(preparation, config([direct]))).toEqual([`${back}, once nothing in the table needs it`]);
    vi.advanceTimersByTime(60_000);
    expect(held.get(FORWARD)).toBe('1');
    table = busy(0);
    vi.advanceTimersByTime(60_000);
    expect(held.get(FORWARD)).toBe('0');
    // What has connections from now on began without.
    table = busy(1);
    expect(preview(preparation, config([direct]))).toEqual([]);
    preparation.close();
  });

  it('forwards it, too, where the services leave nat one after the other', () => {
    vi.useFakeTimers();
    const entries = [entryAt('10.1.1.253')] as const;
    const other = { ...virtualServer({ entries, realServers: [realServerAt('10.2.0.3')] }), name: 'other' };
    const otherNat = { ...other, realServers: [realServerAt('10.2.0.3', { forwarding: 'nat' })] };
    const direct = virtualServer({ realServers: [realServerAt('10.2.0.2')] });
    table = tableOf(direct).map((entry) => ({
      ...entry,
      realServers: entry.realServers.map((server) => ({
        ...server,
        connections: { active: 1, inactive: 0, persistent: 0 },
      })),
    }));
    const preparation = open();
    preparation.configure(config([nat, otherNat]));
    expect(reload(preparation, config([direct, otherNat]))).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(reload(preparation, config([direct, other]))).toEqual([
      'put back net.ipv4.ip_forward: 1 → 0, once nothing in the table needs it',
    ]);
    expect(held.get(FORWARD)).toBe('1');
    preparation.close();
  });

  it('plans nothing of what somebody else has changed since', () => {
    const preparation = open();
    preparation.configure(config([nat]));
    held.set(FORWARD, '2');
    expect(preview(preparation, config([virtualServer()]))).toEqual([]);
    expect(reload(preparation, config([virtualServer()]))).toEqual([]);
    expect(held.get(FORWARD)).toBe('2');
    preparation.close();
  });

  it('loads modules, says so beforehand, and leaves them', async () => {
    modules = new Set(['ip_vs']);
    const preparation = open();
    const both = ['load kernel module ip_vs_wlc'];
    expect(preview(preparation, config([nat]))).toEqual(expect.arrayContaining(both));
    expect(await preparation.loadModules(config([nat], false))).toEqual([]);
    expect(await preparation.loadModules(config([nat]))).toEqual(both);
    expect(preview(preparation, config([nat])).join()).not.toContain('module');
    expect(await preparation.loadModules(config([nat]))).toEqual([]);
    preparation.close();
    expect([...modules]).toEqual(['ip_vs', 'ip_vs_wlc']);
  });

  it('does not plan again to load a module that it could not load, and tells what breaks', async () => {
    const preparation = open({ ...kernel, loadModule: (name) => Promise.resolve(new Error(`no ${name}`)) });
    const ftp = virtualServer({ entries: [entryAt('10.1.1.254', 21)], realServers: nat.realServers });
    expect(await preparation.loadModules(config([ftp]))).toEqual([]);
    expect(preparation.problems).toEqual([
      'no ip_vs_ftp: FTP data connections do not get through nat (modprobe ip_vs_ftp)',
    ]);
    expect(preview(preparation, config([ftp])).join()).not.toContain('module');
    preparation.close();
  });

  it('tells what of the kernel defeats the services, though nobody asked for it', () => {
    held.set('net/ipv4/vs/conn_reuse_mode', '0');
    const preparation = open();
    preparation.configure(config([virtualServer({ onFailure: 'drain' })]));
    expect(preparation.problems).toEqual([
      'net.ipv4.vs.conn_reuse_mode is 0: for service web, it leaves clients that reuse their port at a real server that has failed (sysctl -w net.ipv4.vs.conn_reuse_mode=1)',
    ]);
    preparation.configure(config([virtualServer()]));
    expect(preparation.problems).toEqual([]);
    preparation.close();
  });
});
