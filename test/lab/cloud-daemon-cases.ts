/** The daemon with fullnat and marks: cases 4 and 5 of the textbook, from its file to the client's answer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kindsCases } from './cloud-daemon-kinds-cases.ts';
import { markChangeCases } from './cloud-mark-change-cases.ts';
import { named, stage } from './cloud-stage.ts';
import { answerOn, askAll, entered } from './cloud-tools.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';

const VIP = '10.1.1.249';
const VIP6 = 'fd01::f9';
const HTTP = 8000;
const HTTPS = 8443;
const FAR = ['10.3.0.2', '10.3.0.3'];
const FAR6 = ['fd03::2', 'fd03::3'];
/** One more address that the director has towards them. */
const SECOND = '10.2.0.9';

const servers = (port?: number): string =>
  FAR.map((address) => `{ address: ${address}${port === undefined ? '' : `, port: ${port}`} }`).join(', ');
// A director that stands still for longer than others wait gives its addresses up, and an emulated one does on a busy
// machine. So it is the owner, which need not wait before it is active, and others would wait for long.
const file = (services: string): string => `
virtual_routers:
  web: { interface: eth0, vrid: 61, priority: 255, advert_interval: 10s, addresses: [${VIP}/24, "fe80::f9/64", "${VIP6}/64"] }
services:
  far: { address: ${VIP}, port: 80, forwarding: fullnat, scheduler: rr, check: { tcp: {}, connect_timeout: 20s, timeout: 20s }, real_servers: [${servers(8090)}] }
${services}`;
const APART = file(`
  http: { address: ${VIP}, port: ${HTTP}, forwarding: fullnat, scheduler: rr, check: { tcp: {}, connect_timeout: 20s, timeout: 20s }, real_servers: [${servers()}] }
  https: { address: ${VIP}, port: ${HTTPS}, forwarding: fullnat, scheduler: rr, check: { tcp: {}, connect_timeout: 20s, timeout: 20s }, real_servers: [${servers()}] }
`);
const TOGETHER = file(`
  shop:
    mark: 61
    family: both
    match: { address: [${VIP}, "${VIP6}"], protocol: tcp, ports: [${HTTP}, ${HTTPS}] }
    persistence: 60s
    forwarding: fullnat
    source_address: [${SECOND}, "fd02::9"]
    scheduler: rr
    check: { tcp: {}, port: ${HTTP}, connect_timeout: 20s, timeout: 20s }
    real_servers: [${servers()}, ${FAR6.map((address) => `{ address: "${address}" }`).join(', ')}]
`);

let daemon: Daemon;

/** Which real server answered each, and whom it saw. */
const answers = (...ports: readonly number[]) => answersAt(VIP, ports);
async function answersAt(vip: string, ports: readonly number[]) {
  const texts = await askAll(
    stage().client,
    ports.map((port) => ['tcp', vip, port] as const),
  );
  return texts.map((text) => text.trim().split(' to '));
}
const names = async (...ports: readonly number[]) => (await answers(...ports)).map(([name]) => name);
const tables = () => stage().director.run('nft list tables');

describe('the daemon', () => {
  beforeAll(async () => {
    const { director, farm } = stage();
    const ports = [8090, HTTP, HTTPS].map((port) => ['tcp', port] as const);
    await Promise.all(farm.map((far) => answerOn(far, ports, `${far.name} to $SOCAT_PEERADDR`)));
    // Emulated, everything takes several times as long as elsewhere.
    daemon = await startDaemon(director, APART, { patience: 300_000 });
    await daemon.said('virtual router web: MASTER', { timeout: 120_000 });
    for (const port of [80, HTTP, HTTPS]) await entered(daemon, FAR, RegExp(` to tcp ${VIP}:${port} `));
  });
  afterAll(() => daemon?.stop());

  it('serves by fullnat what has its gateway elsewhere: each sees the director, and the client its answer', async () => {
    const seen = await answers(80, 80, 80, 80);
    expect(seen.map(([name]) => name).sort()).toEqual(['far1', 'far1', 'far2', 'far2']);
    expect(new Set(seen.map(([, client]) => client))).toEqual(new Set(['10.2.0.1']));
  });

  it('sends HTTP and HTTPS of one client to different real servers by two services, to the same by one mark', async () => {
    expect(new Set(await names(HTTP, HTTPS, HTTPS)).size).toBe(2);
    await daemon.configure(TOGETHER);
    const plan = await daemon.command('plan', daemon.file);
    expect(plan.stdout).toContain(`add mark 61 for tcp ${VIP} port ${HTTP}, ${HTTPS}`);
    expect(plan.stdout).toContain(
      `add source NAT to ${SECOND} for tcp ${VIP} port ${HTTP}, ${HTTPS} at ${FAR[0]}`,
    );
    const since = daemon.log.mark;
    // By a signal: a command of vipward's takes a busy emulated CPU minutes.
    daemon.process.kill('SIGHUP');
    await daemon.said('configuration reloaded', { since, timeout: 240_000 });
    await entered(daemon, [...FAR, ...FAR6], /:0 to fwmark 61 /, since);
    const seen = await answers(HTTP, HTTPS, HTTPS, HTTP, HTTPS);
    expect(new Set(seen.map(([name]) => name)).size).toBe(1);
    expect(new Set(seen.map(([, client]) => client))).toEqual(new Set([SECOND]));
  });

  it('a mark of both families is a virtual server of each, with the real servers of its own family', async () => {
    const table = await stage().director.run('ipvsadm -Sn');
    for (const [key, far] of [
      ['-f 61', FAR],
      ['-f 61 -6', FAR6],
    ] as const) {
      const held = table.split('\n').filter((line) => line.startsWith(`-a ${key} -r`));
      expect(held.map((line) => line.split(' -r ')[1]?.split(' ')[0]).sort()).toEqual(
        far.map((address) => `${named(address)}:0`),
      );
    }
    // A client's ports stay together, and its other family is another client.
    for (const [vip, director] of [
      [VIP, SECOND],
      [VIP6, 'fd02::9'],
    ] as const) {
      const seen = await answersAt(vip, [HTTP, HTTPS, HTTPS, HTTP]);
      expect(new Set(seen.map(([name]) => name)).size).toBe(1);
      expect(new Set(seen.map(([, client]) => client))).toEqual(new Set([director]));
      expect(['far1', 'far2']).toContain(seen[0]?.[0]);
    }
  });

  it("puts its rules back when everybody's are flushed", async () => {
    const { director } = stage();
    const since = daemon.log.mark;
    // Whichever of the two it is.
    const [, ours] = /^table (inet vipward-ipvs.*)/m.exec(await tables()) ?? [];
    await director.run(`nft delete table ${ours}`);
    await daemon.said('it is put back', { since });
    await expect.poll(tables).toContain('inet vipward-ipvs');
    expect(new Set(await names(HTTP, HTTPS, HTTPS)).size).toBe(1);
  });

  describe('keeps who is served:', () => {
    markChangeCases(
      () => daemon,
      { vip: VIP, port: HTTP },
      {
        byAddress: { file: APART, replaces: 'fwmark 61 ipv4' },
        byMark: { file: TOGETHER, replaces: `tcp ${VIP}:${HTTP}` },
      },
    );
  });

  describe('with services of every kind', () => {
    kindsCases(() => daemon, file, {
      vips: { four: VIP, six: VIP6 },
      far: { four: FAR, six: FAR6 },
      seen: { four: '10.2.0.1', six: 'fd02::1' },
    });
  });

  it('leaves nothing of its own behind, and everything of others', async () => {
    await daemon.stop();
    expect(await tables()).toBe('table inet theirs\n');
  });
});
