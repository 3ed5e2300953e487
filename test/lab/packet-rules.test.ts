/** The packet rules for IPVS as this machine's kernel takes them; what they do is in cloud-packet-rules-cases.ts. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packetRulesOf } from '../../src/balance/packet-rules.ts';
import { sourceNatsIn } from '../../src/kernel/held-source-nats.ts';
import { packetRuleset } from '../../src/kernel/packet-ruleset.ts';
import type { IpAddress } from '../../src/model/address.ts';
import type { PacketRules } from '../../src/model/packet-rules.ts';
import { entryAt, realServerAt, virtualServer } from '../support/virtual-server.ts';
import { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';

let lab: Lab;
let host: Node;

beforeAll(async () => {
  lab = await Lab.create();
  host = await lab.addHost('h1', { ports: [] });
  await host.run('nft add table inet theirs; nft add table inet vipward');
});
afterAll(() => lab?.close());

const NONE: PacketRules = { marks: [], sourceNats: [] };
const SOME: PacketRules = packetRulesOf([
  virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding: 'fullnat', port: 8080 })] }),
  virtualServer({
    entries: [{ kind: 'mark', mark: 7, family: 'ipv6' }],
    match: [{ address: 'fd00::fe' as IpAddress, protocol: 'udp', ports: [{ from: 5000, to: 6000 }] }],
    realServers: [
      realServerAt('fd02::2', {
        forwarding: 'fullnat',
        port: undefined,
        sourceAddress: 'fd02::100' as IpAddress,
      }),
    ],
  }),
]);

interface Report {
  readonly given: readonly (string | null)[];
  readonly held: string | null;
}
const drive = async (...rules: readonly PacketRules[]): Promise<Report> => {
  const program = ['node', 'test/lab/packet-rules-driver.ts', ...rules.map((each) => JSON.stringify(each))];
  return JSON.parse(await host.run(program)) as Report;
};

/** Of our table, whichever of the two it is. */
const nameIn = (listing: string | null | undefined): string =>
  /^table (\S+ \S+)/.exec(listing ?? '')?.[1] ?? '';
const inside = (listing: string | null | undefined): string => (listing ?? '').replace(/^table .*/, '');

it('hold as given, however often; and another text tells that somebody changed them', async () => {
  const { given, held } = await drive(NONE, SOME, SOME, SOME);
  expect(given[0]).toBeNull();
  expect(given.at(-1)).toBe(held);
  expect(given.slice(1).map(nameIn)).toEqual([
    'inet vipward-ipvs',
    'inet vipward-ipvs-2',
    'inet vipward-ipvs',
  ]);
  expect(new Set(given.slice(1).map(inside))).toEqual(new Set([inside(held)]));
  expect(await host.run('nft list tables')).toBe(
    'table inet theirs\ntable inet vipward\ntable inet vipward-ipvs\n',
  );
  expect(held).toContain('10.1.1.254 . 6 . 10.2.0.2 . 8080');
  expect(held).toContain('fd00::fe . 17 . 5000-6000 : 0x00000007');
  expect(sourceNatsIn(held ?? '').map(({ to, virtual }) => [virtual.protocol, virtual.ports, to])).toEqual([
    ['tcp', [{ from: 8080, to: 8080 }], 'auto'],
    ['udp', [{ from: 5000, to: 6000 }], 'fd02::100'],
  ]);
  await host.run(`nft flush set ${nameIn(held)} masqueraded4_0`);
  const changed = await drive();
  expect(changed.held).not.toBe(held);
  expect(changed.held).not.toBeNull();
  await host.run('nft flush ruleset');
  expect(await drive()).toEqual({ given: [], held: null });
  expect((await drive(SOME)).held).toBe(held);
});

it('of which a former process left both tables are one again', async () => {
  await drive(SOME);
  await host.run('nft -f -', { input: packetRuleset(SOME, 'inet vipward-ipvs-2') });
  const { given, held } = await drive(SOME);
  expect(given).toEqual([held]);
  expect((await host.run('nft list tables')).match(/vipward-ipvs.*/g)).toHaveLength(1);
});

it('are told to be changed by whoever flushes them, and by nobody else', async () => {
  const { held } = await drive(SOME);
  const watcher = await host.spawn(['node', 'test/lab/nft-watch-driver.ts']);
  await watcher.stdout.waitFor((line) => line === 'watching', { what: 'the watch' });
  await host.run('nft add table inet theirs; nft add chain inet theirs ours; nft delete table inet theirs');
  await host.run('nft list ruleset');
  expect(watcher.stdout.all).toEqual(['watching']);
  const table = nameIn(held);
  for (const change of [
    `nft flush set ${table} masqueraded4_0`,
    `nft flush table ${table}`,
    `nft add chain ${table} more`,
    'nft flush ruleset',
  ]) {
    const since = watcher.stdout.mark;
    await host.run(change);
    await watcher.stdout.waitFor((line) => line === 'changed', { since, what: change });
  }
  watcher.kill();
  await watcher.exit;
});

/** A link of `host` with its `own` address and the one that others are to see, and `neighbour`, which never answers, on it. */
const addLink = async (name: string, own: string, source: string, neighbour: string): Promise<void> => {
  const lines = [
    `link add ${name} type veth peer name ${name}-end`,
    `link set ${name} up`,
    `link set ${name}-end up`,
    `address add ${own}/24 dev ${name}`,
    `address add ${source}/24 dev ${name}`,
    `neigh add ${neighbour} lladdr 02:00:00:00:00:fe dev ${name}`,
  ];
  await host.run('ip -batch -', { input: lines.join('\n') });
};

it('are replaced without a moment in which a packet misses its mark, or its source NAT', async () => {
  const [vip, source] = ['10.1.1.254', '10.1.1.9'];
  await addLink('out', '10.1.1.1', source, vip);
  // What a flow leaves in the connection tracking is gone before its port has its turn again.
  await host.run('echo 1 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout');
  await host.run('nft -f -', {
    input: `table inet seen {
      chain marks {
        type filter hook output priority mangle + 12
        ip daddr ${vip} counter
        ip daddr ${vip} meta mark != 61 counter
      }
      chain sources {
        type filter hook postrouting priority 150
        ip daddr ${vip} ip saddr != ${source} counter
      }
    }`,
  });
  // The more there is to put in place, the longer would be the moment.
  const others = Array.from({ length: 1_500 }, (_, index) => ({ from: 2 * index + 1, to: 2 * index + 1 }));
  const rules: PacketRules = {
    marks: [
      { mark: 61, address: vip as IpAddress, protocol: 'udp', ports: [{ from: 1, to: 65_535 }] },
      { mark: 62, address: '10.1.1.253' as IpAddress, protocol: 'tcp', ports: others },
    ],
    sourceNats: [
      {
        virtual: { address: vip as IpAddress, protocol: 'udp', ports: [] },
        realServers: [{ address: vip as IpAddress, port: undefined }],
        to: source as IpAddress,
      },
    ],
  };
  await drive(rules);
  const flood = await host.spawn(['node', 'test/lab/datagram-flood-driver.ts', vip]);
  await flood.stdout.waitFor((line) => line === 'sending');
  await drive(...Array.from({ length: 12 }, () => rules));
  const chains = await host.run('nft list table inet seen');
  flood.kill();
  await flood.exit;
  const [all = 0, unmarked, untranslated] = [...chains.matchAll(/packets (\d+)/g)].map(([, packets]) =>
    Number(packets),
  );
  expect(all).toBeGreaterThan(10_000);
  expect({ unmarked, untranslated }).toEqual({ unmarked: 0, untranslated: 0 });
  await host.run('nft delete table inet seen');
});

it('translate what began under source NAT after that is gone, for as long as they are told to', async () => {
  const [vip, source] = ['10.1.2.254', '10.1.2.9'];
  await addLink('left', '10.1.2.1', source, vip);
  await host.run('echo 600 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout');
  await host.run('nft -f -', {
    input: `table inet seen {
      chain sources {
        type filter hook postrouting priority 150
        ip daddr ${vip} ip saddr ${source} counter
        ip daddr ${vip} ip saddr != ${source} counter
      }
    }`,
  });
  const virtual = { address: vip as IpAddress, protocol: 'udp', ports: [] } as const;
  const realServers = [{ address: vip as IpAddress, port: undefined }];
  await drive({ marks: [], sourceNats: [{ virtual, realServers, to: source as IpAddress }] });
  const talk = `exec 3>/dev/udp/${vip}/9; echo ready; while read -r x; do echo $x >&3; echo sent; done`;
  const former = await host.spawn(['bash', '--norc', '-c', talk]);
  await former.stdout.waitFor((line) => line === 'ready');
  /** Another packet of the first connection, and one of a new one: how many had the source, how many had not. */
  const seen = async () => {
    const since = former.stdout.mark;
    former.write('more\n');
    await former.stdout.waitFor((line) => line === 'sent', { since });
    await host.run(['bash', '--norc', '-c', `echo new >/dev/udp/${vip}/9`]);
    const chains = await host.run('nft list table inet seen');
    return [...chains.matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets));
  };
  expect(await seen()).toEqual([2, 0]);
  await drive({ ...NONE, translated: [vip as IpAddress] });
  expect(await seen()).toEqual([3, 1]);
  await drive(NONE);
  expect(await seen()).toEqual([3, 3]);
  former.kill();
  await former.exit;
  await host.run('nft delete table inet seen');
});

it('are removed alone', async () => {
  await host.run('nft add table inet theirs; nft add table inet vipward');
  expect(await drive(SOME, NONE, NONE)).toEqual({ given: [expect.any(String), null, null], held: null });
  expect(await host.run('nft list tables')).toBe('table inet theirs\ntable inet vipward\n');
});

it('connections that another director had are known as its rules have left them', async () => {
  const connection = (client: string, port: number, ends: readonly [string, string, string]) => {
    const [virtual, realServer, source] = ends.map((address) => address as IpAddress);
    return {
      protocol: 'tcp',
      state: 'established',
      timeout: 900,
      client: { address: client, port },
      virtual: { address: virtual, port: 80 },
      realServer: { address: realServer, port: 8080 },
      source: { address: source, port },
    };
  };
  const four = ['10.1.1.254', '10.2.0.2', '10.2.0.100'] as const;
  const six = ['fd00::fe', 'fd02::2', 'fd02::100'] as const;
  const track = async (...connections: readonly unknown[]) => {
    const program = ['node', 'test/lab/conntrack-driver.ts', JSON.stringify(connections)];
    return JSON.parse(await host.run(program)) as unknown;
  };
  const all = [
    connection('10.9.9.9', 40_000, four),
    { ...connection('10.9.9.9', 40_001, four), state: 'fin-wait' },
    { ...connection('10.9.9.9', 53, four), protocol: 'udp' },
    connection('fd09::9', 40_000, six),
  ];
  expect(await track(...all)).toEqual({ made: 4, there: 0, errors: [] });
  const listed = [...(await host.run('cat /proc/net/nf_conntrack')).matchAll(/(tcp|udp) .*\[ASSURED\]/g)];
  // The kernel writes every digit of an IPv6 address.
  const short = (long: string): string => new URL(`http://[${long}]`).hostname;
  const words = listed.map(([line]) => line.replace(/ (6|17) +\d+/, '').replaceAll(/[\da-f:]{39}/g, short));
  expect(words.sort()).toEqual([
    'tcp      ESTABLISHED src=10.9.9.9 dst=10.1.1.254 sport=40000 dport=80 src=10.2.0.2 dst=10.2.0.100 sport=8080 dport=40000 [ASSURED]',
    'tcp      ESTABLISHED src=[fd09::9] dst=[fd00::fe] sport=40000 dport=80 src=[fd02::2] dst=[fd02::100] sport=8080 dport=40000 [ASSURED]',
    'tcp      FIN_WAIT src=10.9.9.9 dst=10.1.1.254 sport=40001 dport=80 src=10.2.0.2 dst=10.2.0.100 sport=8080 dport=40001 [ASSURED]',
    'udp      src=10.9.9.9 dst=10.1.1.254 sport=53 dport=80 src=10.2.0.2 dst=10.2.0.100 sport=8080 dport=53 [ASSURED]',
  ]);
  // Once more, and another client whose port is taken.
  expect(await track(...all, connection('10.9.9.8', 40_000, four))).toEqual({
    made: 0,
    there: 5,
    errors: [],
  });
});

it('a thousand virtual servers with ten real servers each', async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => {
    const realServers = Array.from({ length: 10 }, (_, server) =>
      realServerAt(`10.2.${server}.2`, { forwarding: 'fullnat', port: 10_000 + 2 * index }),
    );
    return virtualServer({ entries: [entryAt('10.1.1.254', 1_000 + index)], realServers });
  });
  const started = performance.now();
  const text = packetRuleset(packetRulesOf(many), 'inet vipward-ipvs');
  const computed = performance.now();
  await host.run('nft -f -', { input: text });
  console.info(
    `10,000 source NATs: written in ${Math.round(computed - started)} ms, set in ${Math.round(performance.now() - computed)} ms`,
  );
  expect(await host.run('nft list table inet vipward-ipvs')).toContain('10.1.1.254 . tcp . 10.2.9.2 . 11998');
});
