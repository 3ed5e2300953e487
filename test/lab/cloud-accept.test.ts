/** `accept: false` on a director that balances: what is for IPVS passes, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RefusedAddress, refusingRuleset } from '../../src/kernel/packet-filter.ts';
import type { IpAddress } from '../../src/model/address.ts';
import { answerOn, answersEcho, ask } from './cloud-tools.ts';
import { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';
import { prepareDirectRouting } from './support/tools.ts';

const VIPS = ['10.1.1.254', 'fd01::fe'];
/** Whose virtual servers have every port, or are selected by a mark; their real server is the director. */
const EVERY_PORT_VIPS = ['10.1.1.253', 'fd01::fd'];
const MARK_VIPS = ['10.1.1.252', 'fd01::fc'];
const NAT = 80;
const DIRECT = 81;
const LOCAL = 82;
const NOBODY = 83;
const NAT_UDP = 53;
/** Something of the director's own that is no virtual server. */
const OTHER = 90;
const MARK = 7;

let lab: Lab;
let director: Node;
let client: Node;
let web: Node;

beforeAll(async () => {
  lab = await Lab.create();
  const kernel = await lab.addKernel('cloud', { kind: 'cloud', ports: [] });
  await kernel.boot();
  const { inside } = kernel;
  const lan = await inside.addSwitch('lan');
  const farm = await inside.addSwitch('farm');
  const at = (on: typeof lan, ...addresses: readonly string[]) => ({
    on,
    addresses: addresses.map((address) => (address.includes(':') ? `${address} nodad` : address)),
  });
  client = await inside.addHost('client', { ports: [at(lan, '10.1.1.100/24', 'fd01::100/64')] });
  director = await inside.addHost('director', {
    ports: [at(lan, '10.1.1.1/24', 'fd01::1/64'), at(farm, '10.2.0.1/24', 'fd02::1/64')],
    forward: true,
  });
  const near = await inside.addHost('near', { ports: [at(lan, '10.1.1.2/24', 'fd01::2/64')] });
  web = await inside.addHost('web', {
    ports: [at(farm, '10.2.0.2/24', 'fd02::2/64')],
    routes: ['default via 10.2.0.1', 'default via fd02::1'],
  });
  await prepareDirectRouting(near, '10.1.1.254');
  await near.run('ip address add fd01::fe/128 dev lo nodad');
  await director.run('sh', {
    input: [...VIPS, ...EVERY_PORT_VIPS, ...MARK_VIPS]
      .map((vip) => `ip address add ${vip}${vip.includes(':') ? '/64 nodad' : '/24'} dev eth0\n`)
      .concat('echo 1 >/proc/sys/net/ipv6/conf/all/forwarding')
      .join(''),
  });
  await director.run('ipvsadm -R', {
    input: [
      ...services('10.1.1.254', '10.2.0.2', '10.1.1.2', '127.0.0.1'),
      ...services('[fd01::fe]', '[fd02::2]', '[fd01::2]', '[fd01::1]'),
      ...['-A -t 10.1.1.253:0 -s rr -p 60', '-a -t 10.1.1.253:0 -r 127.0.0.1:0 -g'],
      ...['-A -t [fd01::fd]:0 -s rr -p 60', '-a -t [fd01::fd]:0 -r [fd01::1]:0 -g'],
      ...[`-A -f ${MARK} -s rr`, `-a -f ${MARK} -r 127.0.0.1:0 -g`],
      ...[`-A -f ${MARK} -6 -s rr`, `-a -f ${MARK} -6 -r [fd01::1]:0 -g`],
    ].join('\n'),
  });
  await director.run('nft -f -', {
    input: `table inet theirs {
      chain prerouting {
        type filter hook prerouting priority mangle
        ip daddr 10.1.1.252 tcp dport ${LOCAL} meta mark set ${MARK}
        ip6 daddr fd01::fc tcp dport ${LOCAL} meta mark set ${MARK}
      }
    }`,
  });
  await Promise.all([
    answerOn(web, ['tcp 8080', 'udp 53'], 'web'),
    answerOn(near, [`tcp ${DIRECT}`], 'near'),
    answerOn(director, [`tcp ${LOCAL}`, `tcp ${OTHER}`], 'director'),
  ]);
});
afterAll(() => lab?.close());

/** As `ipvsadm -R` reads them. */
const services = (vip: string, natted: string, direct: string, local: string): readonly string[] => [
  ...[`-A -t ${vip}:${NAT} -s rr`, `-a -t ${vip}:${NAT} -r ${natted}:8080 -m`],
  ...[`-A -u ${vip}:${NAT_UDP} -s rr`, `-a -u ${vip}:${NAT_UDP} -r ${natted}:53 -m`],
  ...[`-A -t ${vip}:${DIRECT} -s rr`, `-a -t ${vip}:${DIRECT} -r ${direct}:${DIRECT} -g`],
  ...[`-A -t ${vip}:${LOCAL} -s rr`, `-a -t ${vip}:${LOCAL} -r ${local}:${LOCAL} -g`],
  `-A -t ${vip}:${NOBODY} -s rr`,
];

/** Only what goes on to this host itself is named: the rest must not get as far as our rules. */
const refused = (address: string): RefusedAddress => {
  const ports = VIPS.includes(address) ? [LOCAL] : EVERY_PORT_VIPS.includes(address) ? [0] : [];
  return {
    address: address as IpAddress,
    services: ports.map((port) => ({ protocol: 'tcp', port })),
    marks: MARK_VIPS.includes(address) ? [MARK] : [],
  };
};

const refuse = async (): Promise<void> => {
  const all = [...VIPS, ...EVERY_PORT_VIPS, ...MARK_VIPS].map(refused);
  await director.run('nft -f -', { input: refusingRuleset(all) });
};
/** Packets that our rules have dropped. */
const dropped = async (): Promise<number> => {
  const counters = (await director.run('nft list chain inet vipward local_in')).matchAll(
    /counter packets (\d+)/g,
  );
  return [...counters].reduce((sum, [, packets]) => sum + Number(packets), 0);
};

/** What becomes of it at the VIPs of both families, which must be the same. */
async function both<Answer>(
  vips: readonly string[],
  answer: (vip: string) => Promise<Answer>,
): Promise<Answer> {
  const [first, second] = await Promise.all(vips.map(answer));
  expect(second).toEqual(first);
  return first as Answer;
}

const balanced = async (vip: string) => ({
  nat: await ask(client, 'tcp', vip, NAT),
  udp: await ask(client, 'udp', vip, NAT_UDP),
  direct: await ask(client, 'tcp', vip, DIRECT),
  local: await ask(client, 'tcp', vip, LOCAL),
  nobody: await ask(client, 'tcp', vip, NOBODY),
});
const ALL = { nat: 'web', udp: 'web', direct: 'near', local: 'director', nobody: 'refused' };

it('where a VIP is accepted, what is sent there is balanced, or answered by this host', async () => {
  expect(await both(VIPS, balanced)).toEqual(ALL);
  expect(await both(VIPS, (vip) => ask(client, 'tcp', vip, OTHER))).toBe('director');
  expect(await both(MARK_VIPS, (vip) => ask(client, 'tcp', vip, OTHER))).toBe('director');
  expect(await both(VIPS, (vip) => answersEcho(client, vip))).toBe(true);
});

describe('where a VIP is refused', () => {
  beforeAll(async () => {
    await refuse();
    await client.run('ip neigh flush all; ip -6 neigh flush all');
  });

  it('what is balanced passes, though a neighbour must first find out who has the address', async () => {
    expect(await both(VIPS, balanced)).toEqual(ALL);
    expect(await dropped()).toBe(0);
  });

  it('nothing else does', async () => {
    const before = await dropped();
    expect(await both(VIPS, (vip) => ask(client, 'tcp', vip, OTHER, 2))).toBe('silent');
    const after = await dropped();
    expect(after).toBeGreaterThan(before);
    expect(await both(VIPS, (vip) => answersEcho(client, vip))).toBe(false);
    expect(await dropped()).toBe(after + 2);
  });

  it('what a virtual server of every port, or of a mark, gives to this host itself passes', async () => {
    expect(await both(EVERY_PORT_VIPS, (vip) => ask(client, 'tcp', vip, OTHER))).toBe('director');
    expect(await both(EVERY_PORT_VIPS, (vip) => ask(client, 'udp', vip, OTHER, 2))).toBe('silent');
    expect(await both(MARK_VIPS, (vip) => ask(client, 'tcp', vip, LOCAL))).toBe('director');
    expect(await both(MARK_VIPS, (vip) => ask(client, 'tcp', vip, OTHER, 2))).toBe('silent');
  });

  it('the other addresses of this host are not touched', async () => {
    const own = ['10.1.1.1', 'fd01::1'];
    expect(await both(own, (address) => ask(client, 'tcp', address, OTHER))).toBe('director');
  });
});
