/**
 * Textbook case 9 for fullnat: a pair of directors whose source address floats with the VIP. The active one is lost
 * without a farewell; connections go on, those of clients that only listen as well.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stage } from './cloud-stage.ts';
import { startNamingServer } from './support/calls.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Node } from './support/node.ts';
import { Talker } from './support/talks.ts';

const VIP = { IPv4: '10.1.1.248', IPv6: 'fd01::f8' };
const SOURCE = ['10.2.0.100', 'fd02::100'];
/** Of each real server. */
const FAR = [
  ['10.3.0.2', 'fd03::2'],
  ['10.3.0.3', 'fd03::3'],
] as const;
const PORTS = { talking: 7_000, silent: 7_001, listening: 7_002 };
const DATAGRAMS = { speaking: 7_003, listening: 7_004 };
/** Connections of each family and each kind. */
const COUNT = 25;

const service = (name: string, protocol: string, ports: readonly number[]): string => `
  ${name}:
    address: [${VIP.IPv4}, "${VIP.IPv6}"]
    port: [${ports}]
    protocol: ${protocol}
    forwarding: fullnat
    source_address: [${SOURCE[0]}, "${SOURCE[1]}"]
    scheduler: rr
    real_servers: [${FAR.flat().map((address) => `{ address: "${address}" }`)}]`;

const config = (priority: number): string => `
ipvs: { sync: { interface: eth0, id: 62 }, sysctl: { sync_threshold: [3, 5] } }
virtual_routers:
  web:
    interface: eth0
    vrid: 62
    priority: ${priority}
    advert_interval: 2s
    addresses:
      - ${VIP.IPv4}/24
      - ${VIP.IPv6}/64
      - { address: ${SOURCE[0]}/24, device: eth1, excluded: true }
      - { address: ${SOURCE[1]}/64, device: eth1, excluded: true }
services:
${service('far', 'tcp', Object.values(PORTS))}
${service('datagrams', 'udp', Object.values(DATAGRAMS))}
`;

const daemons: Daemon[] = [];
let talker: Talker | undefined;

async function start(node: Node, priority: number): Promise<Daemon> {
  // Emulated, everything takes several times as long as elsewhere.
  const daemon = await startDaemon(node, config(priority), { patience: 300_000, instance: 'failover' });
  daemons.push(daemon);
  return daemon;
}

/** How many established connections, and how many of datagrams, IPVS knows there. */
const known = async (node: Node): Promise<readonly number[]> => {
  const count = 'for state in TCP.*ESTABLISHED ^UDP; do grep -c $state /proc/net/ip_vs_conn; done';
  return (await node.exec(count)).stdout.trim().split('\n').map(Number);
};

const ALL = Object.fromEntries(
  ['', ' listening', ' datagrams', ' datagrams listening']
    .flatMap((kind) => [`IPv4${kind}`, `IPv6${kind}`])
    .map((name) => [name, { alive: COUNT, lost: [], moved: 0, longest: expect.any(Number) }]),
);

describe('a pair of directors with fullnat, by an address that floats', () => {
  beforeAll(async () => {
    const { director, standby, farm } = stage();
    const places = [`tcp/${PORTS.talking}`, `silent/${PORTS.silent}`, `ticking/${PORTS.listening}`];
    const datagramsAt = (address: string) => [
      `udp/${address}/${DATAGRAMS.speaking}`,
      `ticking-udp/${address}/${DATAGRAMS.listening}`,
    ];
    await Promise.all(
      farm.map((far, index) =>
        startNamingServer(far, far.name, [...places, ...(FAR[index] ?? []).flatMap(datagramsAt)]),
      ),
    );
    const first = await start(director, 150);
    await first.said('started the master sync daemon', { timeout: 120_000 });
    const second = await start(standby, 100);
    await second.said('started the backup sync daemon', { timeout: 120_000 });
  });
  afterAll(async () => {
    await talker?.stop();
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    // The kernel goes on telling of its connections after the daemon, and by the rules of the one that was killed.
    await stage().director.run(`ipvsadm --stop-daemon master; ipvsadm -C
      for table in $(nft list tables | sed -n 's/^table inet \\(vipward.*\\)/\\1/p'); do nft delete table inet $table; done`);
    await stage().plugDirector(true);
  });

  it('established connections outlive the active one, whoever speaks first', async () => {
    const { standby, client, plugDirector } = stage();
    talker = await Talker.start(client, {
      targets: VIP,
      port: PORTS.talking,
      silentPort: PORTS.silent,
      listeningPort: PORTS.listening,
      datagramPorts: DATAGRAMS,
      count: COUNT,
      interval: 2_000,
      patience: 90_000,
    });
    expect(await talker.begun()).toEqual(ALL);
    await expect.poll(() => known(standby), { timeout: 120_000 }).toEqual([4 * COUNT, 4 * COUNT]);
    const since = daemons[1]?.log.mark ?? 0;
    await daemons[0]?.crash();
    await plugDirector(false);
    const after = await talker.tell('round');
    await daemons[1]?.said('virtual router web: MASTER', { since });
    const { message } = (await daemons[1]?.said('connections by fullnat taken over', { since })) ?? {};
    console.log(`${JSON.stringify(after)}; ${message}`);
    expect(after).toEqual(ALL);
  });
});
