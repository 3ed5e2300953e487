/** `accept: false` on a director that balances: what is for IPVS passes, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RefusedAddress, refusingRuleset } from '../../src/kernel/packet-filter.ts';
import type { IpAddress } from '../../src/model/address.ts';
import { answerOn, answersEcho, ask } from './cloud-tools.ts';
import { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';
import { prepareDirectRouting } from './support/tools.ts';

const VIPS = ['10.1.1.254', 'fd01::fe'];
const NAT = 80;
const DIRECT = 81;
const LOCAL = 82;
const NOBODY = 83;
const NAT_UDP = 53;
/** Something of the director's own that is no virtual server. */
const OTHER = 90;

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
  await director.run(
    'ip address add 10.1.1.254/24 dev eth0; ip address add fd01::fe/64 dev eth0 nodad; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
  );
  await director.run('ipvsadm -R', {
    input: [
      ...services('10.1.1.254', '10.2.0.2', '10.1.1.2', '127.0.0.1'),
      ...services('[fd01::fe]', '[fd02::2]', '[fd01::2]', '[fd01::1]'),
    ].join('\n'),
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

const refused = (address: string): RefusedAddress => ({
  address: address as IpAddress,
  services: [
    ...[NAT, DIRECT, LOCAL, NOBODY].map((port) => ({ protocol: 'tcp' as const, port })),
    { protocol: 'udp', port: NAT_UDP },
  ],
});

const refuse = async (addresses: readonly string[]): Promise<void> => {
  await director.run('nft -f -', { input: refusingRuleset(addresses.map(refused)) });
};
/** Packets that our rules have dropped. */
const dropped = async (): Promise<number> => {
  const counters = (await director.run('nft list chain inet vipward local_in')).matchAll(
    /counter packets (\d+)/g,
  );
  return [...counters].reduce((sum, [, packets]) => sum + Number(packets), 0);
};
const accept = async (): Promise<void> => {
  await director.run('nft delete table inet vipward 2>/dev/null; true');
};

describe.each(VIPS)('what is sent to the VIP %s', (vip) => {
  const balanced = async () => ({
    nat: await ask(client, 'tcp', vip, NAT),
    udp: await ask(client, 'udp', vip, NAT_UDP),
    direct: await ask(client, 'tcp', vip, DIRECT),
    local: await ask(client, 'tcp', vip, LOCAL),
    nobody: await ask(client, 'tcp', vip, NOBODY),
  });
  const ALL = { nat: 'web', udp: 'web', direct: 'near', local: 'director', nobody: 'refused' };

  it('is balanced or answered by this host where it accepts', async () => {
    await accept();
    expect(await balanced()).toEqual(ALL);
    expect(await ask(client, 'tcp', vip, OTHER)).toBe('director');
    expect(await answersEcho(client, vip)).toBe(true);
  });

  it('is balanced or dropped where it does not, though neighbours learn who has the address', async () => {
    await refuse(VIPS);
    await client.run('ip neigh flush all; ip -6 neigh flush all');
    expect(await balanced()).toEqual(ALL);
    expect(await dropped()).toBe(0);
    expect(await ask(client, 'tcp', vip, OTHER, 2)).toBe('silent');
    const before = await dropped();
    expect(before).toBeGreaterThan(0);
    expect(await answersEcho(client, vip)).toBe(false);
    expect(await dropped()).toBe(before + 1);
    expect(await ask(client, 'tcp', vip.replace(/(254|fe)$/, '1'), OTHER)).toBe('director');
  });
});
