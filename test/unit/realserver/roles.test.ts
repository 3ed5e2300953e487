/** A real server whose process may be killed before and after each change of the kernel. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import type { HiddenAddress, RealServerRole } from '../../../src/prepare/real-server.ts';
import type { Host } from '../../../src/realserver/host.ts';
import { checkRole, listRoles, startRole, stopRole } from '../../../src/realserver/roles.ts';

const role = (...vips: readonly string[]): RealServerRole => ({
  vips: vips as readonly IpAddress[],
  forwarding: 'tun',
  outer: 'as the VIP',
});
const ROLE = role('10.1.1.254', '2001:db8::254');
const conf = (link: string, name: string) => `net/ipv4/conf/${link}/${name}`;
const BEFORE = {
  up: ['eth.0', 'lo'],
  addresses: [],
  open: [],
  settings: {
    [conf('all', 'arp_ignore')]: '0',
    [conf('all', 'arp_announce')]: '1',
    [conf('all', 'rp_filter')]: '1',
    [conf('eth.0', 'rp_filter')]: '0',
    [conf('tunl0', 'rp_filter')]: '0',
    [conf('ip6tnl0', 'rp_filter')]: '0',
  },
};

/** Changes that a start takes, and a stop as well. */
const total = 9;

class Killed extends Error {}

/** A kernel that takes a change, and a process that is killed just before or after its nth one. */
class FakeHost implements Host {
  readonly up = new Set(BEFORE.up);
  readonly held = new Set<string>();
  readonly open = new Set<string>();
  readonly values = new Map(Object.entries(BEFORE.settings));
  killAt: { readonly change: number; readonly when: 'before' | 'after' } | undefined;
  changes = 0;

  #change(work: () => void): void {
    this.changes++;
    const dies = this.killAt?.change === this.changes;
    if (dies && this.killAt?.when === 'before') throw new Killed();
    work();
    if (dies) throw new Killed();
  }

  readonly settings = {
    read: (path: readonly string[]) => this.values.get(path.join('/')),
    write: (path: readonly string[], value: string) => {
      this.#change(() => this.values.set(path.join('/'), value));
      return undefined;
    },
  };
  links = () => ['lo', 'eth.0', 'tunl0', 'ip6tnl0'];
  askedLinks = () => ['eth.0'];
  askedFor = () => [];
  isUp = (link: string) => this.up.has(link);
  setUp = (link: string, up: boolean) => this.#change(() => (up ? this.up.add(link) : this.up.delete(link)));
  openTunnel = (link: string, open: boolean) =>
    this.#change(() => (open ? this.open.add(link) : this.open.delete(link)));
  missing = (addresses: readonly HiddenAddress[]) => addresses.filter((each) => !this.held.has(text(each)));
  add = (addresses: readonly HiddenAddress[]) => {
    for (const each of addresses) this.#change(() => this.held.add(text(each)));
  };
  remove = (addresses: readonly HiddenAddress[]) => {
    for (const each of addresses) this.#change(() => this.held.delete(text(each)));
  };
  loadModule = () => Promise.resolve(undefined);
  close = () => undefined;

  get whole() {
    return {
      up: [...this.up].sort(),
      addresses: [...this.held].sort(),
      open: [...this.open],
      settings: Object.fromEntries(this.values),
    };
  }
}
const text = ({ device, prefix }: HiddenAddress) => `${prefix.address}/${prefix.length} ${device}`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-roles-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const untilKilled = async (work: Promise<unknown>): Promise<void> => {
  await work.catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error;
  });
};

describe('a real server', () => {
  it('is as it was once it has stopped, and as it should be in between', async () => {
    const host = new FakeHost();
    await startRole(directory, 'a', ROLE, host);
    expect(host.whole).toMatchObject({
      up: ['eth.0', 'ip6tnl0', 'lo', 'tunl0'],
      addresses: ['10.1.1.254/32 tunl0', '2001:db8::254/128 ip6tnl0'],
    });
    expect(host.changes).toBe(total);
    expect(host.values.get(conf('eth.0', 'rp_filter'))).toBe('1');
    expect(checkRole(directory, 'a', host)?.every(({ good }) => good)).toBe(true);
    expect(await startRole(directory, 'a', ROLE, host)).toEqual([]);
    await stopRole(directory, 'a', host);
    expect(host.whole).toEqual(BEFORE);
    expect(await stopRole(directory, 'a', host)).toBeUndefined();
  });

  it('is wrong by the link that asks for less quiet, or more than the kernel knows', async () => {
    const host = new FakeHost();
    await startRole(directory, 'a', ROLE, host);
    host.values.set(conf('eth.0', 'arp_ignore'), '4');
    host.values.set(conf('eth.0', 'arp_announce'), '2');
    host.values.set(conf('all', 'arp_announce'), '0');
    const wrong = checkRole(directory, 'a', host)?.filter(({ good }) => !good);
    expect(wrong).toEqual([{ what: 'net.ipv4.conf.eth/0.arp_ignore 1 (is 4)', good: false }]);
  });

  const moments = (['before', 'after'] as const).flatMap((when) =>
    Array.from({ length: total }, (_, i) => ({ change: i + 1, when })),
  );

  it.each(moments)('killed $when change $change of its start, stops clean', async (killAt) => {
    const host = new FakeHost();
    host.killAt = killAt;
    await untilKilled(startRole(directory, 'a', ROLE, host));
    host.killAt = undefined;
    await stopRole(directory, 'a', host);
    expect(host.whole).toEqual(BEFORE);
  });

  it.each(moments)('killed $when change $change of its stop, stops clean the next time', async (killAt) => {
    const host = new FakeHost();
    await startRole(directory, 'a', ROLE, host);
    host.changes = 0;
    host.killAt = killAt;
    await untilKilled(stopRole(directory, 'a', host));
    host.killAt = undefined;
    await stopRole(directory, 'a', host);
    expect(host.whole).toEqual(BEFORE);
    expect(listRoles(directory)).toEqual({});
  });

  it('starts and stops many at once, one after the other', async () => {
    const host = new FakeHost();
    const names = Array.from({ length: 8 }, (_, i) => `10.1.1.${i + 1}`);
    await Promise.all(names.map((vip) => startRole(directory, vip, role(vip), host)));
    expect(Object.keys(listRoles(directory)).sort()).toEqual(names);
    expect(host.held.size).toBe(8);
    await Promise.all(names.map((vip) => stopRole(directory, vip, host)));
    expect(host.whole).toEqual(BEFORE);
  });

  it('takes thousands of VIPs in one change of the state', async () => {
    const host = new FakeHost();
    const vips = Array.from({ length: 5_000 }, (_, i) => `10.2.${i >> 8}.${i & 255}`);
    await startRole(directory, 'a', role(...vips), host);
    expect(host.held.size).toBe(5_000);
    await stopRole(directory, 'a', host);
    expect(host.whole).toEqual(BEFORE);
  });

  it('refuses a state that is a directory, cut off, or huge, and changes nothing', async () => {
    const host = new FakeHost();
    await startRole(directory, 'a', ROLE, host);
    const [name = ''] = readdirSync(directory).filter((each) => each.endsWith('.json'));
    const file = join(directory, name);
    const { whole } = host;
    const refused = () =>
      expect(stopRole(directory, 'a', host)).rejects.toThrow(/is not what vipward wrote.*remove the file/);
    writeFileSync(file, '{"version":1');
    await refused();
    writeFileSync(file, ' '.repeat(9 * 1024 * 1024));
    await refused();
    rmSync(file);
    mkdirSync(file);
    await refused();
    expect(host.whole).toEqual(whole);
  });

  it('refuses a directory that cannot be made, and changes nothing', async () => {
    const host = new FakeHost();
    const before = host.whole;
    await expect(startRole('/proc/no/such', 'a', ROLE, host)).rejects.toThrow('ENOENT');
    expect(host.whole).toEqual(before);
  });
});
