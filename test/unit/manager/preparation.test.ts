import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Preparation, type PreparedKernel } from '../../../src/manager/preparation.ts';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

const FORWARD = 'net/ipv4/ip_forward';
const EXPIRE = 'net/ipv4/vs/expire_nodest_conn';

let stateDir: string;
let log: string[];
let held: Map<string, string>;
let identity: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'vipward-preparation-'));
  log = [];
  identity = 'boot 1';
  held = new Map([
    [FORWARD, '0'],
    [EXPIRE, '0'],
  ]);
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const kernel: PreparedKernel = {
  read: (path) => held.get(path.join('/')),
  write: (path, value) => {
    if (!held.has(path.join('/'))) return new Error(`no ${path.join('/')}`);
    held.set(path.join('/'), value);
    return undefined;
  },
  hasModule: () => true,
  loadModule: () => Promise.resolve(undefined),
  links: () => [],
  identity: () => identity,
};
const open = () =>
  new Preparation({ stateDir, kernel, log: (level, message) => void log.push(`${level}: ${message}`) });
const config = (virtualServers: readonly ConfiguredVirtualServer[], prepare = true) => ({
  virtualServers,
  virtualRouters: [],
  ipvs: { sysctl: {}, prepare },
});
const nat = virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding: 'nat' })] });

describe('preparing the kernel', () => {
  it('sets what the services need, says it beforehand, and puts it back at the end', () => {
    const preparation = open();
    expect(preparation.preview(config([nat]))).toEqual([
      'set net.ipv4.ip_forward: 0 → 1',
      'set net.ipv4.vs.expire_nodest_conn: 0 → 1',
    ]);
    expect(preparation.configure(config([nat]))).toHaveLength(2);
    expect([...held.values()]).toEqual(['1', '1']);
    expect(preparation.preview(config([nat]))).toEqual([]);
    preparation.close();
    expect([...held.values()]).toEqual(['0', '0']);
  });

  it('puts back what the services no longer need, and what somebody else set since stays', () => {
    const preparation = open();
    preparation.configure(config([nat]));
    expect(preparation.configure(config([virtualServer()]))).toEqual(['put back net.ipv4.ip_forward: 1 → 0']);
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
    const preparation = new Preparation({ stateDir, kernel: killed, log: () => undefined });
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
    expect(preparation.preview(config([nat])).join()).not.toContain('put back');
    preparation.configure(config([nat]));
    preparation.configure(config([], false));
    expect(held.get(path.join('/'))).toBe('1');
    preparation.close();
    expect(held.get(path.join('/'))).toBe('0');
    expect(log).toContain('info: set net.ipv4.conf.eth0.promote_secondaries: 0 → 1');
  });

  it('tells what cannot be put back, and tries again', () => {
    let refuses = false;
    const stubborn: PreparedKernel = {
      ...kernel,
      write: (path, value) => (refuses ? new Error('read-only') : kernel.write(path, value)),
    };
    const preparation = new Preparation({
      stateDir,
      kernel: stubborn,
      log: (level, message) => void log.push(`${level}: ${message}`),
    });
    preparation.configure(config([nat]));
    refuses = true;
    preparation.configure(config([virtualServer()]));
    expect(preparation.problems).toEqual(['cannot put back what was there: read-only']);
    refuses = false;
    preparation.configure(config([virtualServer()]));
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
});
