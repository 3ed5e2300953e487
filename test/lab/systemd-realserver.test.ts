/** The unit of a real server under a real systemd: two VIPs at once, by direct routing and by tunnel. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import { CHECKOUT } from './support/node.ts';

const DIRECT = '10.1.1.201';
const TUNNELLED = '10.1.1.202';
/** An IPv4 VIP in a tunnel of IPv6: what OUTER is for. */
const MIXED = '10.1.1.203';
const UNITS = [DIRECT, TUNNELLED, MIXED].map((vip) => `vipward-realserver@${vip}`);

let lab: Lab;
let web: Kernel;
const addresses = async () =>
  (await web.run('ip -o address show'))
    .split('\n')
    .flatMap((line) => /^\d+: (\S+) +inet (10\.1\.1\.20\d\/\d+)/.exec(line)?.slice(1).join(' ') ?? [])
    .sort();
const sysctl = async (name: string) => (await web.run(['sysctl', '-n', `net.ipv4.conf.${name}`])).trim();
const quiet = async () => [await sysctl('all.arp_ignore'), await sysctl('all.arp_announce')];

beforeAll(async () => {
  lab = await Lab.create();
  const front = await lab.addSwitch('front');
  web = await lab.addKernel('web', { ports: [{ on: front, addresses: ['10.1.1.2/24'] }], systemd: true });
  await web.boot();
  // The unit has a /tmp of its own, which hides a checkout that is there.
  await web.run(`mkdir -p /opt/vipward && mount --bind ${CHECKOUT} /opt/vipward`);
  await web.run('ln -s /opt/vipward/src/vipward /usr/local/bin/vipward');
  await web.run(`install -m 644 ${CHECKOUT}/systemd/vipward-realserver@.service /etc/systemd/system/`);
  await web.run('mkdir -p /etc/vipward && systemctl daemon-reload');
  await web.writeFile(`/etc/vipward/realserver-${TUNNELLED}.conf`, 'FORWARDING=tun\n');
  await web.writeFile(`/etc/vipward/realserver-${MIXED}.conf`, 'FORWARDING=tun\nOUTER=ipv6\n');
});
afterAll(() => lab?.close());

describe('vipward-realserver@', () => {
  it('is a unit that systemd finds no fault with, and little exposed', async () => {
    expect(await web.run(`systemd-analyze verify ${UNITS[0]}.service 2>&1`)).toBe('');
    await web.run(`systemd-analyze security --no-pager --threshold=30 ${UNITS[0]}.service`);
  });

  it('takes its VIPs up, all at once, as each file says', async () => {
    const { code, stderr } = await web.exec(['systemctl', 'start', ...UNITS]);
    if (code !== 0) throw new Error(`${stderr}${await web.run('journalctl --no-pager -n 50')}`);
    expect(await addresses()).toEqual([`ip6tnl0 ${MIXED}/32`, `lo ${DIRECT}/32`, `tunl0 ${TUNNELLED}/32`]);
    expect(await quiet()).toEqual(['1', '2']);
    expect(await sysctl('tunl0.rp_filter')).toBe('0');
  });

  it('gives one up and leaves the others, and with the last all is as it was', async () => {
    await web.run(['systemctl', 'stop', UNITS[1] ?? '']);
    expect(await addresses()).toEqual([`ip6tnl0 ${MIXED}/32`, `lo ${DIRECT}/32`]);
    expect(await quiet()).toEqual(['1', '2']);
    await web.run(['systemctl', 'stop', ...UNITS]);
    expect(await addresses()).toEqual([]);
    expect(await quiet()).toEqual(['0', '0']);
  });
});
