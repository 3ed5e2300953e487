/** The daemon on a kernel without IPVS: addresses float all the same. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode } from '../../lab/support/network.ts';
import { startProbe } from '../../lab/support/tools.ts';

const MISSING = /the kernel has no IPVS: load it with `modprobe ip_vs`.*\/etc\/modules-load\.d/;
const config = (address: string) => `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    priority: 150
    advert_interval: 100ms
    addresses: [${address}/24]
services:
  web:
    address: 10.1.1.254
    port: 80
    forwarding: dr
    real_servers: [{ address: 10.1.1.2 }]
  far: { address: 10.1.1.254, port: 81, forwarding: fullnat, source_address: ${address}, real_servers: [{ address: 10.1.1.2 }] }
`;
/** Loaded, or loaded as soon as somebody asks: this machine is no place for these tests. */
const hasIpvs = existsSync('/proc/net/ip_vs') || spawnSync('modprobe', ['-n', '-q', 'ip_vs']).status === 0;

describe.skipIf(hasIpvs)('a kernel without IPVS', () => {
  let lab: Lab;
  let director: NamespaceNode;
  let client: NamespaceNode;
  let daemon: Daemon;

  beforeAll(async () => {
    lab = await Lab.create();
    const lan = await lab.addSwitch('lan');
    director = await lab.addHost('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
    client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
    daemon = await startDaemon(director, config('10.1.1.254'));
  });
  afterAll(() => lab?.close());

  it('says once what is missing and how to load it', async () => {
    const line = await daemon.said('the kernel has no IPVS');
    expect(line).toMatchObject({ level: 'error', message: expect.stringMatching(MISSING) });
    const { code, stdout } = await daemon.command('status');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/IPVS table +UNAVAILABLE: the kernel has no IPVS/),
    ]);
    const { table, virtualServers, preparation } = await daemon.status();
    expect(preparation.problems.filter((text) => text.includes('service far floats'))).toHaveLength(1);
    expect(table).toMatchObject({ unavailable: expect.stringMatching(MISSING), refused: [], foreign: [] });
    expect(virtualServers[0]?.realServers[0]?.inTable).toBe(false);
  });

  it('has its virtual addresses, and reloads', async () => {
    await daemon.said('virtual router web: MASTER');
    const probe = await startProbe(client, { address: '10.1.1.254' });
    await probe.stop();
    await daemon.configure(config('10.1.1.253'));
    const unchanged = expect.stringContaining('the IPVS table cannot be changed: the kernel has no IPVS');
    expect(await daemon.command('reload')).toMatchObject({ code: 0, stdout: unchanged });
    const weight = await daemon.command('weight', 'web', '10.1.1.2', '5');
    expect(weight).toMatchObject({ code: 0, stdout: unchanged });
    const { stdout } = await daemon.command('status');
    expect(stdout).toMatch(/10\.1\.1\.2:80 +unchecked, not in table/);
    // Otherwise it would wait for five minutes.
    expect(await daemon.command('drain', 'web', '10.1.1.2')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /nobody can tell when it is drained: the kernel has no IPVS: load it with/,
      ),
    });
    const moved = await startProbe(client, { address: '10.1.1.253' });
    await moved.stop();
    const errors = daemon.log.all.filter(
      ({ level, message }) => level === 'error' && message.includes('no IPVS'),
    );
    expect(errors).toHaveLength(1);
  });

  it('stops in order', async () => {
    expect(await daemon.stop()).toEqual({ code: 0 });
  });
});
