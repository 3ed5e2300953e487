/** The unit file under a real systemd: as an administrator installs it, uses it, and as it fails. In this order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import {
  CONFIGURATION,
  installService,
  occupy,
  processFacts,
  type Service,
  watchService,
} from './support/systemd.ts';
import { type Observer, observe, prepareDirectRouting, startRealServer } from './support/tools.ts';

const VIP = '10.1.1.254';
const DIP = '10.1.1.4';

interface Choice {
  readonly weight?: number;
  readonly realtime?: boolean;
}

const routers = (priority: number): string => `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    priority: ${priority}
    advert_interval: 200ms
    addresses: [${VIP}/24]
`;

const configuration = ({ weight = 2, realtime = true }: Choice = {}): string => `
vrrp: { realtime: ${realtime} }${routers(150)}
services:
  web:
    address: ${VIP}
    port: 80
    protocol: tcp
    scheduler: wrr
    forwarding: dr
    check: { tcp: {}, interval: 1s }
    real_servers:
      - { address: 10.1.1.2, weight: ${weight} }
`;

/** The only capabilities that anything in the unit may ever have, as bits of capability.h. */
const CAPABILITIES = { CAP_KILL: 5, CAP_SETGID: 6, CAP_SETUID: 7, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 };
const mask = (bits: readonly number[]): string =>
  bits
    .reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)
    .toString(16)
    .padStart(16, '0');

let lab: Lab;
let lvs1: Kernel;
let client: NamespaceNode;
let peer: Daemon;
let wire: Observer;
let service: Service;

const write = (choice?: Choice): Promise<void> => lvs1.writeFile(CONFIGURATION, configuration(choice));
/** Writes the file with one value that is wrong, and returns its place: file:line:column. */
async function spoil(good: string, bad: string): Promise<string> {
  const [before = ''] = configuration().split(good);
  await lvs1.writeFile(CONFIGURATION, configuration().replace(good, bad));
  const lines = before.split('\n');
  return `${CONFIGURATION}:${lines.length}:${(lines.at(-1) ?? '').length + good.indexOf(' ') + 2}`;
}
const table = (): Promise<string> => lvs1.run('ipvsadm -Sn');
const ask = (): Promise<string> => client.run(`curl -sS --max-time 20 http://${VIP}/`);
const pidOf = async (name: string): Promise<number> => {
  const pid = (await service.status()).processes.find((entry) => entry.name === name)?.pid;
  if (pid === undefined) throw new Error(`there is no ${name} process`);
  return pid;
};
/** How many connections the table has counted: from 0 again when an entry was made anew. */
const connections = async (): Promise<number> => {
  const count = /10\.1\.1\.2:80 +(\d+)/.exec(await lvs1.run('ipvsadm -Ln --stats --exact'))?.[1];
  if (count === undefined) throw new Error('10.1.1.2:80 is not in the table');
  return Number(count);
};

const marks = () => ({
  journal: service.journal.mark,
  addresses: service.addresses.mark,
  wire: wire.events.mark,
  peer: peer.log.mark,
});
type Marks = ReturnType<typeof marks>;

const vipCame = ({ addresses: since }: Marks): Promise<string> =>
  service.addresses.waitFor((line) => line.includes(`inet ${VIP}/`) && !line.startsWith('Deleted'), {
    since,
    what: `${VIP} to come`,
  });
/** After it went: the first time that it comes after that. */
const vipCameBack = (): Promise<string> =>
  vipCame({
    ...marks(),
    addresses: service.addresses.all.findLastIndex((line) => line.startsWith('Deleted')),
  });
const vipWent = ({ addresses: since }: Marks): Promise<string> =>
  service.addresses.waitFor((line) => line.startsWith('Deleted') && line.includes(`inet ${VIP}/`), {
    since,
    what: `${VIP} to go`,
  });
const handedOver = async ({ wire: since, peer: peerSince }: Marks): Promise<void> => {
  await wire.events.waitFor((seen) => seen.kind === 'vrrp' && seen.source === DIP && seen.priority === 0, {
    since,
    what: 'a priority of 0',
  });
  await peer.said('virtual router web: MASTER', { since: peerSince });
};

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  const web = await lab.addHost('web', { ports: [{ on: lan, addresses: ['10.1.1.2/24'] }] });
  const lvs2 = await lab.addHost('lvs2', { ports: [{ on: lan, addresses: ['10.1.1.5/24'] }] });
  lvs1 = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: [`${DIP}/24`] }], systemd: true });
  await prepareDirectRouting(web, VIP);
  await Promise.all([lvs1.boot(), startRealServer(web, { body: 'web' })]);
  [peer, wire, service] = await Promise.all([
    startDaemon(lvs2, routers(100)),
    observe(lan),
    watchService(lvs1),
  ]);
  await peer.said('virtual router web: MASTER');
});
afterAll(() => lab?.close());

describe('start', () => {
  it('as the README says, returns when the daemon serves, and not before', async () => {
    await installService(lvs1);
    await write();
    expect(await lvs1.readFile('/proc/modules')).not.toMatch(/^ip_vs/m);
    const since = marks();
    const { code, stderr } = await service.systemctl('enable', '--now');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const [status, shown] = await Promise.all([
      service.status(),
      service.show('ActiveState', 'SubState', 'StatusText'),
    ]);
    expect(shown).toMatchObject({ ActiveState: 'active', SubState: 'running' });
    expect(shown.StatusText).toMatch(/of 1 virtual routers active, 1 virtual servers/);
    expect(status.processes.map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    expect(status.table.refused).toEqual([]);
    expect(await lvs1.run('readlink /etc/systemd/system/multi-user.target.wants/vipward.service')).toContain(
      'vipward',
    );
    await vipCame(since);
    await service.said('"message":"vipward is ready"');
  });

  it('has loaded ip_vs by modprobe@, and the kernel the scheduler by itself', async () => {
    expect(await lvs1.readFile('/proc/modules')).toMatch(/^ip_vs_wrr .*^ip_vs /ms);
  });

  it('serves', async () => {
    await service.said('10.1.1.2:80 to tcp 10.1.1.254:80');
    expect(await ask()).toBe('web\n');
  });
});

describe('privileges', () => {
  it('manager and vrrp have five capabilities, the checker none and a user of its own', async () => {
    const set = mask(Object.values(CAPABILITIES));
    const none = mask([]);
    const user = (await lvs1.run('id -u vipward')).trim();
    const confined = { CapInh: none, CapAmb: none, CapBnd: set, NoNewPrivs: '1', Seccomp: '2' };
    for (const name of ['manager', 'vrrp'] as const) {
      const facts = await processFacts(lvs1, await pidOf(name));
      expect(facts, name).toMatchObject({ ...confined, CapPrm: set, CapEff: set, Uid: '0\t0\t0\t0' });
    }
    const facts = await processFacts(lvs1, await pidOf('checker'));
    expect(facts).toMatchObject({ ...confined, CapPrm: none, CapEff: none, Groups: '' });
    expect(facts.Uid?.split('\t')).toEqual(Array(4).fill(user));
  });

  it('systemd finds no fault with the file, and little to be exposed', async () => {
    expect(await lvs1.run('systemd-analyze verify /etc/systemd/system/vipward.service 2>&1')).toBe('');
    const rating = await lvs1.run('systemd-analyze security --no-pager --threshold=30 vipward');
    console.info(/Overall exposure level.*/.exec(rating)?.[0]);
  });
});

describe('reload', () => {
  it('with a good file applies it', async () => {
    const before = await service.show('MainPID');
    await write({ weight: 7, realtime: false });
    expect(await lvs1.run(['chrt', '-p', String(await pidOf('vrrp'))])).toMatch(/SCHED_RR/);
    const { code, stderr } = await service.systemctl('reload');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await table()).toMatch(/-r 10\.1\.1\.2:80 -g -w 7/);
    expect(await lvs1.run(['chrt', '-p', String(await pidOf('vrrp'))])).toMatch(/SCHED_OTHER/);
    expect(await service.show('MainPID')).toEqual(before);
  });

  it('with a bad file fails, says where in the journal, and changes nothing', async () => {
    const since = marks();
    const [before, shown] = [await table(), await service.show('MainPID')];
    const place = await spoil('vrid: 51', 'vrid: 510');
    const { code, stderr } = await service.systemctl('reload');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/journalctl -xeu vipward\.service/);
    const { text } = await service.said(`${place}: error: `, since.journal);
    expect(text).toContain('vrid');
    expect(await service.show('ActiveState', 'MainPID')).toEqual({ ...shown, ActiveState: 'active' });
    expect(await table()).toBe(before);
    expect(await ask()).toBe('web\n');
    await write();
  });
});

describe('a daemon that fails', () => {
  it('manager killed: hands over, is started again, and takes back', async () => {
    const since = marks();
    const counted = await connections();
    expect(counted).toBeGreaterThan(0);
    await lvs1.run(['kill', '-KILL', String(await pidOf('manager'))]);
    await handedOver(since);
    await vipWent(since);
    await service.said("Failed with result 'signal'", since.journal);
    await service.said('"message":"vipward is ready"', since.journal);
    await vipCameBack();
    expect(await service.show('NRestarts', 'ActiveState')).toEqual({ NRestarts: '1', ActiveState: 'active' });
    expect(await connections()).toBeGreaterThanOrEqual(counted);
  });

  it('manager busy for ever: the watchdog finds it, and it is handed over in order', async () => {
    await lvs1.run(['kill', '-USR1', String(await pidOf('manager'))]);
    const { text } = await service.said('Debugger listening on ws://');
    const since = marks();
    await occupy(lvs1, text.replace(/^.*?(ws:)/s, '$1').trim());
    await service.said('Watchdog timeout', since.journal);
    await handedOver(since);
    await vipWent(since);
    await service.said("Failed with result 'watchdog'", since.journal);
    await service.said('"message":"vipward is ready"', since.journal);
    await vipCameBack();
    expect(await service.show('NRestarts', 'ActiveState')).toEqual({ NRestarts: '2', ActiveState: 'active' });
  });

  it('checker that hangs does not outlive the manager, although it is another user', async () => {
    const since = marks();
    const [manager, checker] = [await pidOf('manager'), await pidOf('checker')];
    await lvs1.run(['kill', '-STOP', String(checker)]);
    await lvs1.run(['kill', '-TERM', String(manager)]);
    await service.said('checker process did not stop within', since.journal);
    await service.said('Deactivated successfully', since.journal);
    expect(await service.show('Result', 'ActiveState')).toEqual({
      Result: 'success',
      ActiveState: 'inactive',
    });
    expect((await service.systemctl('start')).code).toBe(0);
    await vipCameBack();
  });
});

describe('stop', () => {
  it('is make before break, clean, and leaves the table', async () => {
    await ask();
    const since = marks();
    const [before, counted] = [await table(), await connections()];
    const { code, stderr } = await service.systemctl('stop');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await handedOver(since);
    await service.said('10.1.1.5 took over', since.journal);
    await vipWent(since);
    expect(await service.show('Result', 'ActiveState', 'ExecMainStatus')).toEqual({
      Result: 'success',
      ActiveState: 'inactive',
      ExecMainStatus: '0',
    });
    expect(await table()).toBe(before);
    expect(await lvs1.run(`ip -o address show to ${VIP}`)).toBe('');
    const later = marks();
    expect((await service.systemctl('start')).code).toBe(0);
    await vipCame(later);
    expect(await connections()).toBeGreaterThanOrEqual(counted);
    expect(
      service.journal.all.slice(later.journal).filter(({ text }) => text.includes('"operation"')),
    ).toEqual([]);
  });

  it('a broken file at the next start: the reason in the journal, once, and no trap', async () => {
    expect((await service.systemctl('stop')).code).toBe(0);
    const since = marks();
    const place = await spoil('port: 80', 'port: http');
    expect((await service.systemctl('start')).code).not.toBe(0);
    await service.said(`${place}: error: `, since.journal);
    await service.said('status=78/CONFIG', since.journal);
    expect(await service.show('ActiveState', 'Result', 'NRestarts')).toEqual({
      ActiveState: 'failed',
      Result: 'exit-code',
      NRestarts: '0',
    });
    await write();
    const mended = marks();
    expect(await service.systemctl('start')).toMatchObject({ code: 0 });
    await vipCame(mended);
  });
});
