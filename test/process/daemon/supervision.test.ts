import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon, VIPWARD } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode, Switch } from '../../lab/support/network.ts';
import { observe } from '../../lab/support/tools.ts';
import { until } from '../../support/until.ts';

const config = (priority: number, more = '') => `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    priority: ${priority}
    advert_interval: 500ms
    addresses: [10.1.1.254/24]
${more}`;
const VIP = '10.1.1.254/24';

let lab: Lab;
let lan: Switch;
let lvs1: NamespaceNode;
let lvs2: NamespaceNode;
/** One for all cases, unless one ends it: to start it is most of what a case would take. */
let daemon: Daemon;

const holds = async (node: NamespaceNode) => (await node.run('ip -4 -o address show eth0')).includes(VIP);
const active = (of: Daemon, since = 0) => of.said('virtual router web: MASTER', { since });

beforeAll(async () => {
  lab = await Lab.create();
  lan = await lab.addSwitch('lan');
  lvs1 = await lab.addHost('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
  lvs2 = await lab.addHost('lvs2', { ports: [{ on: lan, addresses: ['10.1.1.5/24'] }] });
});
afterAll(() => lab.close());

/** It runs with the file of the beginning, and is MASTER. */
beforeEach(async () => {
  if (daemon === undefined || daemon.process.ended !== undefined)
    daemon = await startDaemon(lvs1, config(150));
  else {
    await daemon.configure(config(150));
    expect((await daemon.command('reload')).code).toBe(0);
  }
  await until(async () => (await daemon.status()).virtualRouters[0]?.state === 'active');
});

describe('a process that dies', () => {
  it('checker: is started again, while adverts go on', async () => {
    await daemon.configure(config(150).replace('500ms', '1s'));
    expect((await daemon.command('reload')).code).toBe(0);
    const watch = await observe(lan);
    await watch.events.waitFor((seen) => seen.kind === 'vrrp');
    const [pid, vrrp] = [await daemon.pidOf('checker'), await daemon.pidOf('vrrp')];
    const since = daemon.log.mark;
    await lvs1.run(['kill', '-KILL', String(pid)]);
    await daemon.said('checker process died', { since });
    await watch.events.waitFor((seen) => seen.kind === 'vrrp', { since: watch.events.mark });
    const adverts = watch.events.all.filter((seen) => seen.kind === 'vrrp').map((seen) => seen.time);
    const gaps = adverts.slice(1).map((time, i) => time - (adverts[i] ?? 0));
    // Less than three intervals apart: no backup would have noticed.
    expect(Math.max(...gaps)).toBeLessThan(3_000);
    expect(await daemon.pidOf('vrrp')).toBe(vrrp);
    await watch.stop();
    expect((await daemon.status()).processes.find(({ name }) => name === 'checker')?.restarts).toBe(1);
  });

  it('vrrp: goes on as MASTER within the lease, and no backup notices', async () => {
    // Three of these intervals are longer than a busy machine takes to start a process.
    const seldom = (priority: number) => config(priority).replace('500ms', '2s');
    await daemon.configure(seldom(150));
    expect((await daemon.command('reload')).code).toBe(0);
    const peer = await startDaemon(lvs2, seldom(100));
    const since = peer.log.mark;
    const mine = daemon.log.mark;
    await lvs1.run(['kill', '-KILL', String(await daemon.pidOf('vrrp'))]);
    await daemon.said('vrrp process died', { since: mine });
    await active(daemon, mine);
    expect(await holds(lvs1)).toBe(true);
    await peer.stop();
    expect(peer.log.all.slice(since).filter((line) => line.message.includes('MASTER'))).toEqual([]);
  });

  it('vrrp, hanging: is killed and started again', async () => {
    const since = daemon.log.mark;
    await lvs1.run(['kill', '-STOP', String(await daemon.pidOf('vrrp'))]);
    // The lease ends, before anybody starts it again.
    await expect.poll(() => holds(lvs1)).toBe(false);
    await daemon.said('vrrp process has been silent', { since });
    await active(daemon, since);
    expect(await holds(lvs1)).toBe(true);
  });

  it('manager: the vrrp process hands over, then ends', async () => {
    const peer = await startDaemon(lvs2, config(100));
    const pids = await Promise.all([daemon.pidOf('vrrp'), daemon.pidOf('checker')]);
    daemon.process.kill('SIGKILL');
    await active(peer);
    for (const pid of pids) await lvs1.run(`while kill -0 ${pid} 2>/dev/null; do sleep 0.02; done`);
    expect(await holds(lvs1)).toBe(false);
    expect(await holds(lvs2)).toBe(true);
    await daemon.process.exit;
    await peer.stop();
  });
});

describe('a second daemon', () => {
  it('on the same runtime directory is refused and touches nothing', async () => {
    const { code, stderr } = await lvs1.exec([
      VIPWARD,
      'run',
      '--config',
      daemon.file,
      '--runtime-dir',
      daemon.runtimeDir,
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/another vipward answers/);
    expect(await holds(lvs1)).toBe(true);
  });

  it('on the same state directory is refused and touches nothing', async () => {
    const state = `${daemon.runtimeDir}/state`;
    const dirs = ['--runtime-dir', `${daemon.runtimeDir}-2`, '--state-dir', state];
    const { code, stderr } = await lvs1.exec([VIPWARD, 'run', '--config', daemon.file, ...dirs]);
    expect(code).toBe(1);
    expect(stderr).toContain(`another vipward uses the state directory ${state}: give each its own`);
    expect(await holds(lvs1)).toBe(true);
  });
});

describe('reload', () => {
  it('with a broken file fails, says where, and changes nothing', async () => {
    const since = daemon.log.mark;
    await daemon.configure(config(150).replace('vrid: 51', 'vird: 51'));
    const { code, stderr } = await daemon.command('reload');
    expect(code).toBe(1);
    expect(stderr).toMatch(/vipward\.yaml:5:5: error: .*vird.*vrid/s);
    const status = await daemon.status();
    expect(status.configuration.refused?.problems.map(({ line }) => line)).toContain(5);
    await daemon.said('reload refused', { since });
    const states = daemon.log.all.slice(since).flatMap(({ virtualRouter, message }) => {
      return virtualRouter === undefined ? [] : [message];
    });
    // A busy machine may stand still for longer than its lease, and takes the address back then.
    expect(states.filter((state) => !/stood still|no advert for/.test(state))).toEqual([]);
    await until(() => holds(lvs1));
  });

  it('adds and removes an address without leaving MASTER', async () => {
    const since = daemon.log.mark;
    await daemon.configure(config(150).replace('254/24]', '254/24, 10.1.1.253/24]'));
    const plan = await daemon.command('plan', daemon.file, '--json');
    expect(JSON.parse(plan.stdout).addresses).toEqual(['add 10.1.1.253/24 to eth0']);
    expect((await daemon.command('reload')).code).toBe(0);
    expect(await lvs1.run('ip -4 -o address show eth0')).toContain('10.1.1.253/24');
    await daemon.configure(config(150));
    expect((await daemon.command('reload')).code).toBe(0);
    expect(await lvs1.run('ip -4 -o address show eth0')).not.toContain('10.1.1.253/24');
    const states = daemon.log.all.slice(since).filter((line) => line.virtualRouter !== undefined);
    expect(states).toEqual([]);
  });

  it('that changes the VRID of the active director starts it anew, as a backup', async () => {
    const since = daemon.log.mark;
    await daemon.configure(config(150).replace('vrid: 51', 'vrid: 52'));
    expect((await daemon.command('reload')).code).toBe(0);
    await active(daemon, since);
    const words = daemon.log.all.slice(since).flatMap(({ message }) => {
      const state = /^virtual router web: (.*)/.exec(message)?.[1];
      return state === undefined ? [] : [state];
    });
    expect(words).toContain('BACKUP: started');
    expect(words.at(-1)).toMatch(/^MASTER: no advert for /);
  });

  it('by SIGHUP does the same', async () => {
    await daemon.configure(config(140));
    const since = daemon.log.mark;
    daemon.process.kill('SIGHUP');
    await daemon.said('configuration reloaded', { since });
    expect((await daemon.status()).virtualRouters[0]?.priority).toBe(140);
  });

  it('with an interface that is not there yet keeps the rest, and takes it up when it comes', async () => {
    const other = '  late:\n    interface: late0\n    vrid: 52\n    addresses: [10.9.9.254/24]\n';
    await daemon.configure(config(150, other));
    const since = daemon.log.mark;
    expect((await daemon.command('reload')).code).toBe(0);
    await daemon.said('virtual router late: FAULT', { since });
    expect(await holds(lvs1)).toBe(true);
    await lvs1.run('ip link add late0 type veth peer name late1; ip link set late1 up');
    await lvs1.run('ip address add 10.9.9.1/24 dev late0; ip link set late0 up');
    await daemon.said('virtual router late: MASTER', { since });
    const gone = daemon.log.mark;
    await lvs1.run('ip link delete late0');
    await daemon.said('virtual router late: FAULT', { since: gone });
  });
});

describe('a disk that is full', () => {
  it('costs log lines and nothing else', async () => {
    const directory = `${lvs2.scratch}/full`;
    const file = `${directory}/vipward.yaml`;
    await lvs2.writeFile(file, config(100));
    const full = await lvs2.spawn(
      `exec ${VIPWARD} run --config ${file} --runtime-dir ${directory} --state-dir /dev/full/x > /dev/full`,
    );
    // Which answers before the virtual routers have begun.
    await lvs2.run(
      `until ${VIPWARD} status --json --runtime-dir ${directory} | grep -q '"vrid": *51'; do sleep 0.1; done`,
    );
    full.kill('SIGTERM');
    expect((await full.exit).code).toBe(0);
  });
});
