/** `realtime: true` puts the thread that speaks VRRP, and nothing else, before all ordinary programs. */
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Director, Stage } from './stage.ts';

const yaml = (realtime: boolean) => `
vrrp: { realtime: ${realtime} }
virtual_routers:
  web: { interface: eth0, vrid: 1, priority: 100, advert_interval: 20ms, addresses: [10.1.1.201/24] }`;

let stage: Stage;
let one: Director;

beforeAll(async () => {
  stage = await Stage.build(2);
  one = stage.director('one');
  await one.start(yaml(true));
  await stage.owners.become('10.1.1.201', ['one']);
});
afterAll(() => stage.close());

const policyOf = async (pid: number): Promise<string> =>
  /policy: (\S+)\n.*priority: (\d+)/
    .exec(await one.node.run(['chrt', '-p', String(pid)]))
    ?.slice(1)
    .join(' ') ?? '';

const niceOf = async (pid: number): Promise<number> =>
  Number(/^(?:\S+ ){16}(\S+)/.exec(await afterName(pid))?.[1]);
/** /proc/PID/stat, from the state on. */
const afterName = async (pid: number): Promise<string> =>
  (await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\) /, '');

it('the vrrp process goes ahead of the others in any case', async () => {
  const vrrp = await one.daemon.pidOf('vrrp');
  expect(await niceOf(vrrp)).toBe(-10);
  for (const pid of await one.pids()) if (pid !== vrrp) expect(await niceOf(pid)).toBe(0);
});

it('the vrrp process is realtime, its other threads and the other processes are not, and a reload ends it', async () => {
  const vrrp = await one.daemon.pidOf('vrrp');
  expect(await policyOf(vrrp)).toMatch(/^SCHED_RR\S* [1-9]/);
  const threads = (await readdir(`/proc/${vrrp}/task`)).map(Number).filter((thread) => thread !== vrrp);
  const others = (await one.pids()).filter((pid) => pid !== vrrp);
  for (const pid of [...threads, ...others]) expect(await policyOf(pid)).toBe('SCHED_OTHER 0');
  await one.daemon.configure(yaml(false));
  expect((await one.daemon.command('reload')).code).toBe(0);
  expect(await policyOf(vrrp)).toMatch(/^SCHED_OTHER\S* 0/);
  expect(await niceOf(vrrp)).toBe(-10);
});
