/** What becomes of the daemon when nobody takes its log: it serves, and stops when it is told to. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VIPWARD } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode } from '../../lab/support/network.ts';

const VIP = '10.1.1.254';
/** Has a warning, which is told on standard error at the start. */
const CONFIG = `
virtual_routers:
  web: { interface: eth0, vrid: 51, advert_interval: 50ms, addresses: [${VIP}/24] }
services:
  web: { address: ${VIP}, port: 80, forwarding: dr, real_servers: [{ address: 10.1.1.2 }] }
`;

let lab: Lab;
let director: NamespaceNode;
beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  director = await lab.addHost('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
});
afterAll(() => lab?.close());

const holdsVip = async () => (await director.run('ip -o address')).includes(VIP);

it.each([
  ['a full disk', 'full', 'true', '>/dev/full 2>&1'],
  [
    'a pipe that is full, and that nobody reads',
    'pipe',
    // Open for reading, too, so that there is one who could.
    'mkfifo log; exec 3<>log; dd if=/dev/zero of=log oflag=nonblock bs=4k count=1k 2>/dev/null || true',
    '>log',
  ],
])('its log is %s', async (_, name, before, redirection) => {
  const directory = `${director.scratch}/${name}`;
  await director.writeFile(`${directory}/vipward.yaml`, CONFIG);
  const line = `${VIPWARD} run --config vipward.yaml --runtime-dir ${directory} --state-dir ${directory}/state`;
  const shell = `cd ${directory} && { ${before}; } && exec ${line} ${redirection}`;
  const daemon = await director.spawn(['sh', '-c', shell]);
  await expect.poll(holdsVip, { timeout: 60_000 }).toBe(true);
  const status = async () => (await director.exec([VIPWARD, 'status', '--runtime-dir', directory])).stdout;
  await expect.poll(status).toContain('web  MASTER');
  daemon.kill('SIGTERM');
  expect(await daemon.exit).toEqual({ code: 0 });
  expect(await holdsVip()).toBe(false);
});
