/** VRRP's sockets with real packets: both families, multicast, unicast and UDP, beside Debian's keepalived. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import { centiseconds } from '../../../src/model/units.ts';
import { decode, encode, VRRP_GROUP } from '../../../src/vrrp/advertisement.ts';
import { verifiedForm } from '../../../src/vrrp/checksum.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode, Switch } from '../../lab/support/network.ts';
import type { LabProcess } from '../../lab/support/process.ts';
import { type Answer, type Order, UDP_PORT } from './transport-tool.ts';

const ip = (text: string): IpAddress => text as IpAddress;
const ADDRESSES = {
  ipv4: { one: ip('10.1.1.10'), two: ip('10.1.1.11'), vip: ip('10.1.1.254'), group: VRRP_GROUP.ipv4 },
  ipv6: { one: ip('fe80::10'), two: ip('fe80::11'), vip: ip('fe80::254'), group: VRRP_GROUP.ipv6 },
} as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;

let lab: Lab;
let lan: Switch;
let one: NamespaceNode;
let two: NamespaceNode;

beforeEach(async () => {
  lab = await Lab.create();
  lan = await lab.addSwitch('lan');
  const host = async (name: string, last: number) => {
    const addresses = [`10.1.1.${last}/24`, `fe80::${last}/64 nodad`, `fd00:1::${last}/64 nodad`];
    const node = await lab.addHost(name, { ports: [{ on: lan, addresses }] });
    // The addresses above are the only ones: the kernel's own would be looked for duplicates of first.
    await node.run('ip -6 address flush dev eth0 scope link tentative');
    return node;
  };
  one = await host('one', 10);
  two = await host('two', 11);
});

afterEach(async () => {
  await lab.close();
});

type Message = Extract<Answer, { bytes: string }>;

class Tool {
  readonly #process: LabProcess;

  constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(node: NamespaceNode, kind: 'raw' | 'udp', which: string): Promise<Tool> {
    const program = join(import.meta.dirname, 'transport-tool.ts');
    const process = await node.spawn(['node', program, 'eth0', kind, which]);
    await process.stdout.waitFor((line) => line === '{"done":"open"}');
    return new Tool(process);
  }

  get messages(): readonly Message[] {
    const answers = this.#process.stdout.all.map((line): Answer => JSON.parse(line));
    return answers.filter((answer): answer is Message => 'bytes' in answer);
  }

  /** The answer to one order. */
  async do(order: Order): Promise<Answer> {
    const since = this.#process.stdout.mark;
    this.#process.write(`${JSON.stringify(order)}\n`);
    const line = await this.#process.stdout.waitFor((each) => /^\{"(done|failed)"/.test(each), { since });
    return JSON.parse(line);
  }

  /** What the first 'error' said. */
  complains(): Promise<string> {
    return this.#process.stdout.waitFor((line) => line.startsWith('{"error"'));
  }

  /** The first message for the VRID. */
  async hears(vrid: number): Promise<Message> {
    const line = await this.#process.stdout.waitFor((each) => vridOf(JSON.parse(each)) === vrid);
    return JSON.parse(line);
  }
}

const vridOf = (answer: Answer): number | undefined =>
  'bytes' in answer ? Buffer.from(answer.bytes, 'hex')[1] : undefined;

const advert = (vrid: number, source: IpAddress, destination: IpAddress, addresses: readonly IpAddress[]) =>
  Buffer.from(
    encode(
      { version: 3, vrid, priority: 200, maxAdvertiseInterval: centiseconds(100), addresses },
      source,
      destination,
    ),
  ).toString('hex');

describe.each(FAMILIES)('VRRP over its own protocol, %s', (family) => {
  const { one: here, two: there, vip, group } = ADDRESSES[family];
  let sender: Tool;
  let hearer: Tool;
  const send = (vrid: number, to: IpAddress | 'group') =>
    sender.do({
      order: 'send',
      bytes: advert(vrid, here, to === 'group' ? group : to, [vip]),
      to,
      from: here,
    });

  beforeEach(async () => {
    sender = await Tool.start(one, 'raw', family);
    hearer = await Tool.start(two, 'raw', family);
  });

  it('multicast and unicast come through one socket, from the address and with the TTL that were asked for', async () => {
    await hearer.do({ order: 'join' });
    await send(1, 'group');
    await send(2, there);
    const index = Number(await two.readFile('/sys/class/net/eth0/ifindex'));
    const common = { address: here, ttl: 255, interfaceIndex: index, size: family === 'ipv4' ? 12 : 24 };
    expect((await hearer.hears(1)).remote).toEqual({ ...common, destination: group });
    expect((await hearer.hears(2)).remote).toEqual({ ...common, destination: there });
    for (const { bytes, remote } of hearer.messages) {
      expect(verifiedForm(Buffer.from(bytes, 'hex'), remote.address, remote.destination)).toBe(
        'pseudo-header',
      );
    }
    // Nothing comes back to the sender, which hears the group as well.
    await sender.do({ order: 'join' });
    await send(3, 'group');
    await hearer.hears(3);
    await sender.do({ order: 'drain' });
    expect(sender.messages).toEqual([]);
  });

  it('who has not joined the group, or has left it, hears unicast only', async () => {
    await send(1, 'group');
    await send(2, there);
    await hearer.hears(2);
    await hearer.do({ order: 'join' });
    await send(3, 'group');
    await hearer.hears(3);
    await hearer.do({ order: 'leave' });
    await send(4, 'group');
    await send(5, there);
    await hearer.hears(5);
    expect(hearer.messages.map(vridOf)).toEqual([2, 3, 5]);
  });

  it('the kernel keeps the VRIDs of others away, and what is wrong in other ways is still seen', async () => {
    await hearer.do({ order: 'join' });
    await hearer.do({ order: 'vrids', vrids: [7, 200] });
    for (const vrid of [1, 6, 8, 199, 201, 255]) await send(vrid, 'group');
    const broken = `${advert(7, here, group, [vip]).slice(0, -8)}00000000`;
    await sender.do({ order: 'send', bytes: `2${broken.slice(1)}`, to: 'group', from: here });
    await send(200, there);
    await hearer.hears(200);
    expect(hearer.messages.map(vridOf)).toEqual([7, 200]);
    await hearer.do({ order: 'vrids', vrids: [] });
    await send(200, 'group');
    await hearer.do({ order: 'vrids', vrids: [9] });
    await send(9, 'group');
    await hearer.hears(9);
    expect(hearer.messages.map(vridOf)).toEqual([7, 200, 9]);
  });

  it('255 addresses fit', async () => {
    const addresses = Array.from({ length: 255 }, (_, i) =>
      ip(family === 'ipv4' ? `10.2.0.${i}` : `fd00:2::${(i + 1).toString(16)}`),
    );
    await sender.do({ order: 'send', bytes: advert(5, here, there, addresses), to: there, from: here });
    const { bytes } = await hearer.hears(5);
    expect(decode(Buffer.from(bytes, 'hex'), family).advertisement?.addresses).toEqual(addresses);
  });

  it('an address that is not ours cannot be the source', async () => {
    const refused = await sender.do({ order: 'send', bytes: '3101', to: there, from: vip });
    expect(refused).toEqual({
      failed: expect.stringMatching(/^sendmmsg raw ipv[46] protocol 112 on eth0 to/),
    });
  });
});

describe('VRRP over UDP', () => {
  it.each([
    ['IPv4', ADDRESSES.ipv4],
    ['IPv6', { ...ADDRESSES.ipv6, one: ip('fd00:1::10'), two: ip('fd00:1::11') }],
    ['IPv6 with link-local addresses', ADDRESSES.ipv6],
  ])('carries messages between two hosts: %s', async (_name, { one: here, two: there }) => {
    const sender = await Tool.start(one, 'udp', here);
    const hearer = await Tool.start(two, 'udp', there);
    await hearer.do({ order: 'vrids', vrids: [51] });
    await sender.do({ order: 'send', bytes: '3134aa', to: there, from: here });
    await sender.do({ order: 'send', bytes: '3133aa', to: there, from: here });
    const { bytes, remote } = await hearer.hears(51);
    expect(bytes).toBe('3133aa');
    expect(remote).toMatchObject({ address: here, destination: there, size: 3 });
    expect(remote.ttl).toBeUndefined();
    expect(hearer.messages.length).toBe(1);
  });

  it('says what is wrong with its address at once, and what cannot be sent by an event', async () => {
    const program = join(import.meta.dirname, 'transport-tool.ts');
    const { code, stderr } = await one.exec(['node', program, 'eth0', 'udp', '10.1.1.99']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`EADDRNOTAVAIL 10.1.1.99:${UDP_PORT}`)]);
    const sender = await Tool.start(one, 'udp', '10.1.1.10');
    expect(await sender.do({ order: 'send', bytes: '31', to: 'group', from: ip('10.1.1.10') })).toEqual({
      failed: 'VRRP over UDP has no group',
    });
    await sender.do({ order: 'send', bytes: '31', to: ip('192.0.2.1'), from: ip('10.1.1.10') });
    expect(await sender.complains()).toMatch(/ENETUNREACH/);
  });
});

describe('keepalived as the peer over IPv6', () => {
  async function startKeepalived(node: NamespaceNode, more = ''): Promise<LabProcess> {
    const file = `${node.scratch}/keepalived.conf`;
    const text = `global_defs {\n vrrp_version 3\n }
vrrp_instance six {
  interface eth0
  virtual_router_id 51
  priority 100
  advert_int 0.1
  ${more}
  virtual_ipaddress {
    fe80::254/64
    fd00:1::254/64
  }
}
`;
    await node.writeFile(file, text);
    const pids = ['-p', `${node.scratch}/parent.pid`, '-r', `${node.scratch}/vrrp.pid`];
    return await node.spawn(['keepalived', '-P', '-n', '-l', '-f', file, ...pids]);
  }
  const entered = (keepalived: LabProcess, state: string, since = 0) =>
    keepalived.output.waitFor((line) => line.includes(`(six) Entering ${state} STATE`), { since });

  it('is heard, with a checksum that holds', async () => {
    const tool = await Tool.start(one, 'raw', 'ipv6');
    await tool.do({ order: 'vrids', vrids: [51] });
    await tool.do({ order: 'join' });
    await startKeepalived(two);
    const { bytes, remote } = await tool.hears(51);
    expect(remote).toMatchObject({ address: 'fe80::11', destination: 'ff02::12', ttl: 255 });
    const message = Buffer.from(bytes, 'hex');
    expect(verifiedForm(message, remote.address, remote.destination)).toBe('pseudo-header');
    expect(decode(message, 'ipv6').advertisement).toMatchObject({
      vrid: 51,
      priority: 100,
      addresses: ['fe80::254', 'fd00:1::254'],
    });
  });

  it.each([
    ['multicast', '', 'group'],
    ['unicast', 'unicast_src_ip fe80::11\n unicast_peer {\n fe80::10\n }', ip('fe80::11')],
  ] as const)('yields to what we send by %s', async (_name, more, to) => {
    const tool = await Tool.start(one, 'raw', 'ipv6');
    const keepalived = await startKeepalived(two, more);
    await entered(keepalived, 'MASTER');
    const since = keepalived.output.mark;
    const destination = to === 'group' ? VRRP_GROUP.ipv6 : to;
    const addresses = [ip('fe80::254'), ip('fd00:1::254')];
    await tool.do({
      order: 'send',
      bytes: advert(51, ip('fe80::10'), destination, addresses),
      to,
      from: ip('fe80::10'),
    });
    await entered(keepalived, 'BACKUP', since);
  });
});
