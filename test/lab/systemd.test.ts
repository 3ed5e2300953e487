/** The unit file under a real systemd: as an administrator installs it, uses it, and as it fails. In this order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from './support/kernel.ts';
import { installService, occupy, processFacts, type Service } from './support/systemd.ts';
import { NOTIFIED, SystemdStage, VIP } from './support/systemd-stage.ts';

/** The only capabilities that anything in the unit may ever have, with their numbers in linux/capability.h. */
const CAPABILITIES = { CAP_KILL: 5, CAP_SETGID: 6, CAP_SETUID: 7, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 };

let stage: SystemdStage;
let lvs1: Kernel;
let service: Service;

beforeAll(async () => {
  stage = await SystemdStage.create();
  ({ lvs1, service } = stage);
});
afterAll(() => stage?.close());

const policyOfVrrp = async (): Promise<string> =>
  await lvs1.run(['chrt', '-p', String(await service.pidOf('vrrp'))]);

describe('start', () => {
  it('as the README says, returns when the daemon serves, and not before', async () => {
    await installService(lvs1);
    await stage.configure();
    expect(await lvs1.readFile('/proc/modules')).not.toMatch(/^ip_vs/m);
    const since = stage.marks();
    expect(await service.systemctl('enable', '--now')).toMatchObject({ code: 0 });
    const [status, shown] = [await service.status(), await service.show('SubState', 'StatusText')];
    expect(shown.SubState).toBe('running');
    expect(shown.StatusText).toMatch(/of 1 virtual routers active, 1 virtual servers/);
    expect(status.processes.map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    expect(await stage.table()).toMatch(/-A -t 10\.1\.1\.254:80 -s wrr/);
    await stage.vipCame(since);
    const link = await lvs1.run('readlink /etc/systemd/system/multi-user.target.wants/vipward.service');
    expect(link.trim()).toBe('/etc/systemd/system/vipward.service');
  });

  it('has loaded ip_vs by modprobe@, and the kernel the scheduler by itself', async () => {
    expect(await lvs1.readFile('/proc/modules')).toMatch(/^ip_vs_wrr .*^ip_vs /ms);
  });

  it('serves', async () => {
    await service.said('add real server 10.1.1.2:80');
    expect(await stage.ask()).toBe('web\n');
  });
});

describe('privileges', () => {
  it('manager and vrrp have five capabilities, the checker none and a user of its own', async () => {
    const set = mask(Object.values(CAPABILITIES));
    const none = mask([]);
    const user = (await lvs1.run('id -u vipward')).trim();
    const confined = { CapInh: none, CapAmb: none, CapBnd: set, NoNewPrivs: '1', Seccomp: '2' };
    for (const name of ['manager', 'vrrp'] as const) {
      const facts = await processFacts(lvs1, await service.pidOf(name));
      expect(facts, name).toMatchObject({ ...confined, CapPrm: set, CapEff: set, Uid: '0\t0\t0\t0' });
    }
    const facts = await processFacts(lvs1, await service.pidOf('checker'));
    expect(facts).toMatchObject({ ...confined, CapPrm: none, CapEff: none, Groups: '' });
    expect(facts.Uid?.split('\t')).toEqual(Array(4).fill(user));
  });

  it('can write its state and its socket, and not even its own configuration', async () => {
    const manager = String(await service.pidOf('manager'));
    const writable = async (directory: string): Promise<boolean> =>
      (await lvs1.exec(['nsenter', '-t', manager, '-m', 'touch', `${directory}/probe`])).code === 0;
    const open = ['/var/lib/vipward', '/run/vipward', '/var/log/vipward', '/tmp'];
    const shut = ['/etc/vipward', '/opt/vipward', '/root', '/proc/sys', '/var/log', '/var/lib'];
    const results = await Promise.all([...open, ...shut].map(writable));
    expect(results).toEqual([...open.map(() => true), ...shut.map(() => false)]);
    // The one setting of the kernel that the daemon changes, through the hole in ProtectKernelTunables.
    expect(await lvs1.readFile('/proc/sys/net/ipv4/vs/expire_nodest_conn')).toBe('1\n');
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
    expect(await policyOfVrrp()).toMatch(/SCHED_RR/);
    await stage.configure({ weight: 7, realtime: false });
    expect(await service.systemctl('reload')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await stage.table()).toMatch(/-r 10\.1\.1\.2:80 -g -w 7/);
    expect(await policyOfVrrp()).toMatch(/SCHED_OTHER/);
    // By LimitNICE, without a capability.
    expect((await lvs1.run(['ps', '-o', 'ni=', '-p', String(await service.pidOf('vrrp'))])).trim()).toBe(
      '-10',
    );
    expect(await service.show('MainPID')).toEqual(before);
  });

  it('with a bad file fails, says where in the journal, and changes nothing', async () => {
    const since = stage.marks();
    const [before, shown] = [await stage.table(), await service.show('MainPID')];
    const place = await stage.spoil('vrid', '51', '510');
    const { code, stderr } = await service.systemctl('reload');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/journalctl -xeu vipward\.service/);
    const { text } = await service.said(`${place}: error: `, since.journal);
    expect(text).toContain('vrid');
    const refusal = await service.said('"reload refused: /etc/vipward/', since.journal);
    expect(refusal).toMatchObject({ priority: 3, text: expect.stringMatching(/^\{"level":"error"/) });
    expect(await service.show('ActiveState', 'MainPID')).toEqual({ ...shown, ActiveState: 'active' });
    expect(await stage.table()).toBe(before);
    expect(await stage.ask()).toBe('web\n');
    await stage.configure();
  });
});

describe("the administrator's programs", () => {
  it('run in the sandbox: notify with the right arguments, track scripts as another user', async () => {
    await stage.installPrograms();
    await stage.configure({ programs: true });
    const since = stage.marks();
    expect(await service.systemctl('restart')).toEqual({ code: 0, stdout: '', stderr: '' });
    await service.said('notify script /etc/vipward/notify.sh for INSTANCE web MASTER', since.journal);
    const told = (await lvs1.readFile(NOTIFIED)).trim().split('\n');
    expect(told.at(-1)).toBe('INSTANCE web MASTER 255 uid=0 logger systemctl ip');
    const { virtualRouters } = await service.status();
    const tracked = virtualRouters[0]?.tracked.map(({ kind, name, state, reason }) => ({
      kind,
      name,
      state,
      reason,
    }));
    expect(tracked).toMatchObject([
      { kind: 'script', name: 'chk', state: 'up' },
      { kind: 'process', name: 'neighbour', state: 'up' },
    ]);
    const forbidden = service.journal.all
      .slice(since.journal)
      .filter(({ text }) => /EPERM|EACCES|EROFS|not permitted|denied|read-only/i.test(text));
    expect(forbidden).toEqual([]);
  });

  it('the virtual Ethernet address is a link of its own that takes no address from routers', async () => {
    expect(await lvs1.run(`ip -o address show dev vrrp.51 to ${VIP}`)).toContain(VIP);
    expect(await lvs1.run('cat /sys/class/net/vrrp.51/address')).toBe('00:00:5e:00:01:33\n');
    expect(await lvs1.readFile('/proc/sys/net/ipv6/conf/vrrp.51/accept_ra')).toBe('0\n');
    const since = stage.marks();
    await stage.configure();
    expect((await service.systemctl('reload')).code).toBe(0);
    await stage.vipCame(since);
    expect(await lvs1.run('ip -o link show type macvlan')).toBe('');
  });
});

describe('vipward handover', () => {
  it('has the other director take over, by the socket of the service; resume takes back', async () => {
    const since = stage.marks();
    const handover = await lvs1.exec(['vipward', 'handover', '--stay-down']);
    expect(handover).toMatchObject({ code: 0, stdout: 'web: handed over to 10.1.1.5\n' });
    await stage.handedOver(since);
    await stage.vipWent(since);
    expect(await lvs1.exec(['vipward', 'resume'])).toMatchObject({ code: 0 });
    await stage.vipCameBack();
  });
});

describe('a daemon that fails', () => {
  it('manager killed: hands over, is started again, and takes back', async () => {
    const since = stage.marks();
    const counted = await stage.connections();
    expect(counted).toBeGreaterThan(0);
    await service.signal('manager', 'KILL');
    await stage.handedOver(since);
    await stage.vipWent(since);
    await service.said("Failed with result 'signal'", since.journal);
    await service.said('vipward is ready', since.journal);
    await stage.vipCameBack();
    expect(await service.show('NRestarts', 'ActiveState')).toEqual({ NRestarts: '1', ActiveState: 'active' });
    expect(await stage.connections()).toBeGreaterThanOrEqual(counted);
  });

  it('manager busy for ever: the watchdog finds it, and it is handed over in order', async () => {
    await service.signal('manager', 'USR1');
    const { text } = await service.said('Debugger listening on ws://');
    const since = stage.marks();
    await occupy(lvs1, text.replace(/^.*?(ws:\S+).*$/s, '$1'));
    await service.said('Watchdog timeout', since.journal);
    await stage.handedOver(since);
    await stage.vipWent(since);
    await service.said("Failed with result 'watchdog'", since.journal);
    await service.said('vipward is ready', since.journal);
    await stage.vipCameBack();
    expect(await service.show('NRestarts', 'ActiveState')).toEqual({ NRestarts: '2', ActiveState: 'active' });
  });

  it('checker that hangs does not outlive the manager, although it is another user', async () => {
    const since = stage.marks();
    await service.signal('checker', 'STOP');
    await service.signal('manager', 'TERM');
    await service.said('checker process did not stop within', since.journal);
    await service.said('Deactivated successfully', since.journal);
    expect((await service.systemctl('start')).code).toBe(0);
    await stage.vipCameBack();
  });
});

describe('stop', () => {
  it('is make before break, clean, and leaves the table, which the next start adopts', async () => {
    await stage.ask();
    const since = stage.marks();
    const [before, counted] = [await stage.table(), await stage.connections()];
    expect(await service.systemctl('stop')).toEqual({ code: 0, stdout: '', stderr: '' });
    await stage.handedOver(since);
    await service.said('10.1.1.5 took over', since.journal);
    await stage.vipWent(since);
    expect(await service.show('Result', 'ActiveState', 'ExecMainStatus')).toEqual({
      Result: 'success',
      ActiveState: 'inactive',
      ExecMainStatus: '0',
    });
    expect(await lvs1.run(`ip -o address show to ${VIP}`)).toBe('');
    expect(await stage.table()).toBe(before);
    const stopped = stage.marks();
    expect((await service.systemctl('start')).code).toBe(0);
    await stage.vipCame(stopped);
    expect(await stage.connections()).toBeGreaterThanOrEqual(counted);
    const changes = service.journal.all.slice(stopped.journal).filter(({ text }) => /"operation"/.test(text));
    expect(changes).toEqual([]);
  });

  it('a broken file at the next start: the reason in the journal, once, and no trap', async () => {
    expect((await service.systemctl('stop')).code).toBe(0);
    const since = stage.marks();
    const place = await stage.spoil('port', '80', 'http');
    expect((await service.systemctl('start')).code).not.toBe(0);
    await service.said(`${place}: error: `, since.journal);
    await service.said('status=78/CONFIG', since.journal);
    expect(await service.show('ActiveState', 'Result', 'NRestarts')).toEqual({
      ActiveState: 'failed',
      Result: 'exit-code',
      NRestarts: '0',
    });
    await stage.configure();
    const mended = stage.marks();
    expect((await service.systemctl('start')).code).toBe(0);
    await stage.vipCame(mended);
  });

  it('is in good order, too, when the machine is shut down', async () => {
    const since = stage.marks();
    const shutdown = await lvs1.spawn('systemctl poweroff && exec sleep infinity');
    await stage.handedOver(since);
    expect((await shutdown.exit).code).not.toBe(0);
  });
});

/** As /proc/PID/status writes a set of capabilities. */
function mask(numbers: readonly number[]): string {
  const bits = numbers.reduce((sum, number) => sum | (1n << BigInt(number)), 0n);
  return bits.toString(16).padStart(16, '0');
}
