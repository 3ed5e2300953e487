/** `accept: false`: a director that holds an address does not answer on it, but for what its neighbours must know. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Daemon, startDaemon } from '../../lab/support/daemon.ts';
import { startProbe, startRealServer } from '../../lab/support/tools.ts';
import { fileOf, makePair, type Pair } from './pair.ts';

const VIP4 = '10.1.1.201';
const VIP6 = 'fd00:1::201';
/** Of another virtual router, which does answer. */
const OTHER = '10.1.1.202';

let pair: Pair;
let daemon: Daemon;

const router = (vrid: number, addresses: readonly string[], more: object = {}): object => ({
  interface: 'eth0',
  vrid,
  priority: 150,
  advert_interval: '500ms',
  addresses,
  ...more,
});
const file = (accept: boolean, vmac = false): string =>
  fileOf({
    quiet: router(51, [`${VIP4}/24`, 'fe80::201/64', `${VIP6}/64`], { accept, vmac }),
    open: router(52, [`${OTHER}/24`]),
  });

beforeAll(async () => {
  pair = await makePair();
  await startRealServer(pair.ours, { body: 'here', address: '::' });
});
afterAll(() => pair?.lab.close());

const url = (address: string): string => `http://${address.includes(':') ? `[${address}]` : address}/`;

/** What the listener says; otherwise how it fails. Whoever answers may take his time. */
async function fetched(address: string, patience = 30): Promise<string> {
  const { code, stdout } = await pair.client.exec(['curl', '-gs', '-m', String(patience), url(address)]);
  return code === 0 ? stdout.trim() : `curl ${code}`;
}

/** curl's code for a time-out: nothing comes back, not even a reset. */
const SILENCE = 'curl 28';

async function neighbour(address: string): Promise<string> {
  const words = (await pair.client.run(`ip neigh show to ${address} dev eth0`)).split(' ');
  return words[words.indexOf('lladdr') + 1] ?? '';
}

/** Of an address that must not answer. */
const unanswered = (address: string): Promise<string> => fetched(address, 1);

const forget = (): Promise<string> => pair.client.run('ip neigh flush dev eth0');
const tables = (): Promise<string> => pair.ours.run('nft list tables');
/** Echo requests that the rules have dropped so far. */
const dropped = async (): Promise<number> => {
  const rules = await pair.ours.run('nft list table inet vipward');
  return [...rules.matchAll(/counter packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
};

describe('a virtual router that does not accept', () => {
  it('answers neither pings nor connections, of either family, on its addresses alone', async () => {
    daemon = await startDaemon(pair.ours, file(false));
    await Promise.all(['quiet', 'open'].map((name) => daemon.said(`virtual router ${name}: MASTER`)));
    await vi.waitUntil(async () => (await tables()).includes('vipward'), { timeout: 60_000 });
    const answers = await Promise.all([
      ...[VIP4, VIP6].map(unanswered),
      ...[OTHER, '10.1.1.10', 'fd00:1::10'].map((address) => fetched(address)),
    ]);
    expect(answers).toEqual([SILENCE, SILENCE, 'here', 'here', 'here']);
    const before = await dropped();
    const probe = pair.client.spawn(['node', 'test/lab/support/probe.ts', VIP4, '10']);
    await vi.waitUntil(async () => (await dropped()) > before, { timeout: 60_000 });
    const { stdout } = await probe;
    (await probe).kill('SIGTERM');
    await (await probe).exit;
    expect(stdout.all.at(-1)).toContain('"answered":0');
    await (await startProbe(pair.client, { address: OTHER })).stop();
  });

  it('is still found by its neighbours', async () => {
    await forget();
    await Promise.all([VIP4, VIP6].map(unanswered));
    expect([await neighbour(VIP4), await neighbour(VIP6)]).toEqual(Array(2).fill('02:00:00:00:01:10'));
  });

  it('is so with a virtual Ethernet address too', async () => {
    await daemon.configure(file(false, true));
    expect((await daemon.command('reload')).code).toBe(0);
    await forget();
    expect(await Promise.all([...[VIP4, VIP6].map(unanswered), fetched(OTHER)])).toEqual([
      SILENCE,
      SILENCE,
      'here',
    ]);
    expect([await neighbour(VIP4), await neighbour(VIP6)]).toEqual([
      '00:00:5e:00:01:33',
      '00:00:5e:00:02:33',
    ]);
  });

  it('answers after a reload that says so, and the table is gone', async () => {
    await daemon.configure(file(true));
    expect((await daemon.command('reload')).code).toBe(0);
    await vi.waitUntil(async () => (await tables()) === '', { timeout: 60_000 });
    expect(await Promise.all([VIP4, VIP6, OTHER].map((address) => fetched(address)))).toEqual([
      'here',
      'here',
      'here',
    ]);
  });

  it('leaves no table behind when it stops', async () => {
    await daemon.configure(file(false));
    expect((await daemon.command('reload')).code).toBe(0);
    await vi.waitUntil(async () => (await tables()).includes('vipward'), { timeout: 60_000 });
    await daemon.stop();
    expect(await tables()).toBe('');
  });

  it('leaves none behind when it was killed and the next one accepts', async () => {
    daemon = await startDaemon(pair.ours, file(false));
    await vi.waitUntil(async () => (await tables()).includes('vipward'), { timeout: 60_000 });
    await daemon.crash();
    daemon = await startDaemon(pair.ours, file(true));
    await vi.waitUntil(async () => (await tables()) === '', { timeout: 60_000 });
    await daemon.said('virtual router quiet: MASTER');
    expect(await fetched(VIP4)).toBe('here');
  });
});
