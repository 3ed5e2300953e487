/** Marks and fullnat by nftables and IPVS together. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packetRuleset } from '../../src/kernel/packet-rules.ts';
import type { IpAddress } from '../../src/model/address.ts';
import type { PortRange } from '../../src/model/config.ts';
import type { PacketRules, SourceNatRule } from '../../src/model/packet-rules.ts';
import type { Protocol } from '../../src/model/virtual-server.ts';
import { answerOn, ask } from './cloud-tools.ts';
import { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';

/** VIP, one of which every port is balanced, two real servers of another network, and what they see the director as. */
const WORLDS = [
  {
    vip: '10.1.1.254',
    every: '10.1.1.253',
    web1: '10.3.0.2',
    web2: '10.3.0.3',
    director: '10.2.0.1',
    second: '10.2.0.9',
  },
  {
    vip: 'fd01::fe',
    every: 'fd01::fd',
    web1: 'fd03::2',
    web2: 'fd03::3',
    director: 'fd02::1',
    second: 'fd02::9',
  },
] as const;
type World = (typeof WORLDS)[number];
/** Ports of virtual servers: fullnat to 8080, fullnat to the same port, nat, and those of a mark. */
const MAPPED = 80;
const SAME = 443;
const NAT = 81;
const MARK = 7;
const MARKED = [8000, 8443] as const;
/** Of every port of the other VIP. */
const EVERY_PORT_MARK = 8;

let lab: Lab;
let director: Node;
let client: Node;

beforeAll(async () => {
  lab = await Lab.create();
  const kernel = await lab.addKernel('cloud', { kind: 'cloud', ports: [] });
  await kernel.boot();
  const { inside } = kernel;
  const lan = await inside.addSwitch('lan');
  const middle = await inside.addSwitch('middle');
  const farm = await inside.addSwitch('farm');
  const host = (
    name: string,
    ports: readonly (readonly [typeof lan, number, number])[],
    routes: readonly string[],
  ) =>
    inside.addHost(name, {
      ports: ports.map(([on, net, number]) => ({
        on,
        addresses: [`10.${net}.${net === 1 ? '1' : '0'}.${number}/24`, `fd0${net}::${number}/64 nodad`],
      })),
      routes,
      forward: ports.length > 1,
    });
  const six = 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding';
  client = await host('client', [[lan, 1, 100]], []);
  director = await host(
    'director',
    [
      [lan, 1, 1],
      [middle, 2, 1],
    ],
    ['10.3.0.0/24 via 10.2.0.254', 'fd03::/64 via fd02::254'],
  );
  const router = await host(
    'router',
    [
      [middle, 2, 254],
      [farm, 3, 254],
    ],
    [],
  );
  // Their way to the client ends nowhere.
  const lost = ['default via 10.3.0.99', 'default via fd03::99'];
  const near = ['10.2.0.0/24 via 10.3.0.254', 'fd02::/64 via fd03::254'];
  const webs = await Promise.all(
    [2, 3].map((number) => host(`web${number - 1}`, [[farm, 3, number]], [...lost, ...near])),
  );
  await router.run(six);
  await director.run(
    `${six}; echo 1 >/proc/sys/net/ipv4/vs/conntrack
     for vip in 10.1.1.254/24 10.1.1.253/24 fd01::fe/64 fd01::fd/64; do ip address add $vip dev eth0 nodad; done
     ip address add 10.2.0.9/24 dev eth1; ip address add fd02::9/64 dev eth1 nodad preferred_lft 0
     nft add table inet theirs`,
  );
  const ports = ['tcp 8080', 'udp 8080', `tcp ${SAME}`, `tcp ${NAT}`, ...MARKED.map((port) => `tcp ${port}`)];
  await Promise.all(webs.map((web) => answerOn(web, ports, `${web.name} to $SOCAT_PEERADDR`)));
  await director.run('ipvsadm -R', { input: WORLDS.flatMap(table).join('\n') });
});
afterAll(() => lab?.close());

function table({ vip, web1, web2 }: World): readonly string[] {
  const six = vip.includes(':');
  const named = (address: string) => (six ? `[${address}]` : address);
  const service = (key: string, port: number, options = '') => [
    `-A ${key} -s rr ${options}`,
    ...[web1, web2].map((web) => `-a ${key} -r ${named(web)}:${port} -m`),
  ];
  return [
    ...service(`-t ${named(vip)}:${MAPPED}`, 8080),
    ...service(`-u ${named(vip)}:${MAPPED}`, 8080),
    ...service(`-t ${named(vip)}:${SAME}`, SAME),
    ...service(`-t ${named(vip)}:${NAT}`, NAT),
    ...service(`-f ${MARK}${six ? ' -6' : ''}`, 0, '-p 60'),
    ...service(`-f ${EVERY_PORT_MARK}${six ? ' -6' : ''}`, 0),
  ];
}

const ip = (text: string): IpAddress => text as IpAddress;
const port = (number: number): PortRange => ({ from: number, to: number });

function sourceNats({ vip, every, web1, web2, second }: World): readonly SourceNatRule[] {
  const rule = (
    protocol: Protocol,
    asked: readonly number[],
    at: number | undefined,
    to: SourceNatRule['to'],
    address: string = vip,
  ): SourceNatRule => ({
    virtual: { address: ip(address), protocol, ports: asked.map(port) },
    realServers: [web1, web2].map((web) => ({ address: ip(web), port: at })),
    to,
  });
  return [
    rule('tcp', [MAPPED], 8080, 'auto'),
    rule('udp', [MAPPED], 8080, 'auto'),
    rule('tcp', [SAME], undefined, ip(second)),
    rule('tcp', MARKED, undefined, 'auto'),
    rule('tcp', [], undefined, 'auto', every),
  ];
}

const RULES: PacketRules = {
  marks: WORLDS.flatMap(({ vip, every }) => [
    { mark: MARK, address: ip(vip), protocol: 'tcp', ports: MARKED.map(port) },
    { mark: EVERY_PORT_MARK, address: ip(every), protocol: 'tcp', ports: [] },
  ]),
  sourceNats: WORLDS.flatMap(sourceNats),
};
const NONE: PacketRules = { marks: [], sourceNats: [] };

const apply = async (rules: PacketRules): Promise<void> => {
  await director.run('nft -f -', { input: packetRuleset(rules) });
};

const flush = async (): Promise<void> => {
  await director.run('nft delete table inet vipward-ipvs');
};

describe.each(WORLDS)('at $vip', (world) => {
  const { vip } = world;
  /** The real servers that answered so many times in turn, and whom they saw. */
  const answers = async (transport: 'tcp' | 'udp', asked: number, times = 2, from = client) => {
    const all: string[] = [];
    for (let time = 0; time < times; time++) all.push(await ask(from, transport, vip, asked));
    const split = all.map((text) => text.split(' to '));
    return {
      webs: [...new Set(split.map(([web]) => web))].sort(),
      saw: [...new Set(split.map(([, address]) => address))],
    };
  };
  const both = ['web1', 'web2'];

  it('real servers that have no way to the client but by another gateway answer behind fullnat only', async () => {
    await apply(NONE);
    expect(await ask(client, 'tcp', vip, MAPPED, 3)).toBe('silent');
    await apply(RULES);
    expect(await answers('tcp', MAPPED)).toEqual({ webs: both, saw: [world.director] });
    expect(await answers('udp', MAPPED)).toEqual({ webs: both, saw: [world.director] });
    expect(await answers('tcp', SAME)).toEqual({ webs: both, saw: [world.second] });
    expect(await ask(client, 'tcp', vip, NAT, 3)).toBe('silent');
  });

  it('two ports of one mark go to one real server, for a client and for the director itself', async () => {
    await apply({ ...RULES, marks: [] });
    expect(await ask(client, 'tcp', vip, MARKED[0])).toBe('refused');
    await apply(RULES);
    for (const from of [client, director]) {
      const [first, second] = [
        await answers('tcp', MARKED[0], 2, from),
        await answers('tcp', MARKED[1], 2, from),
      ];
      expect(first).toEqual({ webs: [expect.stringMatching(/^web[12]$/)], saw: [world.director] });
      expect(second).toEqual(first);
    }
  });

  it('every port of an address may have a mark, and fullnat', async () => {
    for (const asked of [SAME, ...MARKED])
      expect(await ask(client, 'tcp', world.every, asked)).toMatch(
        new RegExp(`^web[12] to ${world.director}$`),
      );
    // Datagrams have none.
    expect(await ask(client, 'udp', world.every, SAME)).toBe('refused');
  });

  it('a connection goes on when the rules are replaced, and when somebody takes them away until they are back', async () => {
    await apply(RULES);
    const talk = 'exec 3<>/dev/tcp/$0/$1 && echo open && read go && echo hello >&3 && exec head -n 1 <&3';
    for (const change of [() => apply({ ...RULES, sourceNats: [] }), flush]) {
      const held = await client.spawn(['bash', '--norc', '-c', talk, vip, String(MAPPED)]);
      await held.stdout.waitFor((line) => line === 'open');
      await change();
      await apply(RULES);
      held.write('go\n');
      await held.stdout.waitFor((line) => line.startsWith('web'));
      await held.exit;
    }
  });
});

it('nothing is left in the end, and what is not ours was not touched', async () => {
  await apply(RULES);
  expect(await director.run('nft list tables')).toBe('table inet theirs\ntable inet vipward-ipvs\n');
  await apply(NONE);
  await apply(NONE);
  expect(await director.run('nft list tables')).toBe('table inet theirs\n');
});
