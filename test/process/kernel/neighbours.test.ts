/** Announcing and asking with Linux hosts as the neighbours. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NeighbourClaim } from '../../../src/kernel/neighbours.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode, Switch } from '../../lab/support/network.ts';
import type { LabProcess } from '../../lab/support/process.ts';
import { observe } from '../../lab/support/tools.ts';
import type { Order } from './neighbours-tool.ts';

const ip = (text: string): IpAddress => text as IpAddress;
const OURS = '02:00:00:00:00:10';
const THEIRS = '02:00:00:00:00:11';

let lab: Lab;
let lan: Switch;
let here: NamespaceNode;
let there: NamespaceNode;
let tool: Tool;

class Tool {
  readonly #process: LabProcess;

  constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(node: NamespaceNode): Promise<Tool> {
    const program = join(import.meta.dirname, 'neighbours-tool.ts');
    return new Tool(await node.spawn(['node', program, 'eth0']));
  }

  get claims(): readonly NeighbourClaim[] {
    return this.#process.stdout.all.map((line) => JSON.parse(line)).filter((each) => 'mac' in each);
  }

  async do(order: Order): Promise<{ done?: string; failed?: string }> {
    const since = this.#process.stdout.mark;
    this.#process.write(`${JSON.stringify(order)}\n`);
    const answered = (line: string): boolean => /^\{"(done|failed)"/.test(line);
    return JSON.parse(await this.#process.stdout.waitFor(answered, { since }));
  }

  async hears(address: string, kind: NeighbourClaim['kind'], since = 0): Promise<NeighbourClaim> {
    const wanted = (line: string): boolean => {
      const said = JSON.parse(line);
      return said.address === address && said.kind === kind;
    };
    return JSON.parse(await this.#process.stdout.waitFor(wanted, { since }));
  }
}

beforeEach(async () => {
  lab = await Lab.create();
  lan = await lab.addSwitch('lan');
  const host = (name: string, last: number, mac: string) =>
    lab.addHost(name, {
      ports: [{ on: lan, mac, addresses: [`10.1.1.${last}/24`, `fd00:1::${last}/64 nodad`] }],
    });
  here = await host('here', 10, OURS);
  there = await host('there', 11, THEIRS);
  tool = await Tool.start(here);
});

afterEach(async () => {
  await lab.close();
});

describe('announcing', () => {
  it('turns the caches of Linux hosts to us, in one call for many addresses of both families', async () => {
    const ipv4 = Array.from({ length: 100 }, (_, i) => ip(`10.1.1.${i + 100}`));
    const ipv6 = Array.from({ length: 100 }, (_, i) => ip(`fd00:1::1:${i + 1}`));
    const commands = [...ipv4, ...ipv6].map(
      (address) => `neigh replace ${address} lladdr 02:00:00:00:00:99 nud stale dev eth0`,
    );
    await there.run(['ip', '-batch', '-'], { input: commands.join('\n') });
    expect(await tool.do({ order: 'announce', addresses: [...ipv4, ...ipv6] })).toEqual({ done: 'announce' });
    await there.run('while ip neigh show dev eth0 | grep -q 02:00:00:00:00:99; do sleep 0.02; done; exit 0');
    const cache = (await there.run('ip neigh show dev eth0')).split('\n');
    for (const address of [...ipv4, ...ipv6]) {
      expect(cache.find((line) => line.startsWith(`${address} `))).toContain(`lladdr ${OURS}`);
    }
  });

  it('says whether it is a router, as the kernel is told at that moment', async () => {
    const routerInCache = () => there.run('ip -6 neigh show fd00:1::10 dev eth0');
    const prepare = () =>
      there.run('ip -6 neigh replace fd00:1::10 lladdr 02:00:00:00:00:99 nud stale dev eth0');
    const learned = () =>
      there.run(
        'until ip -6 neigh show fd00:1::10 dev eth0 | grep -q 02:00:00:00:00:10; do sleep 0.02; done',
      );
    await prepare();
    await tool.do({ order: 'announce', addresses: [ip('fd00:1::10')] });
    await learned();
    expect(await routerInCache()).not.toContain('router');
    await here.run('echo 1 > /proc/sys/net/ipv6/conf/eth0/forwarding');
    await prepare();
    await tool.do({ order: 'announce', addresses: [ip('fd00:1::10')] });
    await learned();
    expect(await routerInCache()).toContain('router');
  });

  it('fails with the reason while the link is down', async () => {
    await here.run('ip link set eth0 down');
    const { failed } = await tool.do({ order: 'announce', addresses: [ip('10.1.1.10')] });
    expect(failed).toMatch(/ENETDOWN/);
  });
});

describe('asking', () => {
  it('is answered over both families, with a source and without, and by nobody for an address that none has', async () => {
    const wire = await observe(lan);
    for (const source of [undefined, ip('10.1.1.10')]) {
      await tool.do({ order: 'ask', address: ip('10.1.1.99'), ...(source && { source }) });
      await tool.do({ order: 'ask', address: ip('10.1.1.11'), ...(source && { source }) });
    }
    expect((await tool.hears('10.1.1.11', 'reply')).mac).toBe(THEIRS);
    await wire.events.waitFor((seen) => seen.kind === 'arp' && seen.sender === '0.0.0.0');
    await wire.events.waitFor((seen) => seen.kind === 'arp' && seen.sender === '10.1.1.10');
    await tool.do({ order: 'ask', address: ip('fd00:1::99') });
    await tool.do({ order: 'ask', address: ip('fd00:1::11') });
    expect((await tool.hears('fd00:1::11', 'announcement')).mac).toBe(THEIRS);
    await tool.do({ order: 'ask', address: ip('fd00:1::11'), source: ip('fd00:1::10') });
    expect((await tool.hears('fd00:1::11', 'reply')).mac).toBe(THEIRS);
    expect(tool.claims.map(({ address }) => address).filter((address) => address.endsWith('99'))).toEqual([]);
  });

  it('a question without a source teaches nobody', async () => {
    await there.run('ip neigh flush dev eth0');
    await tool.do({ order: 'ask', address: ip('10.1.1.11') });
    await tool.hears('10.1.1.11', 'reply');
    expect(await there.run('ip neigh show 10.1.1.10 dev eth0')).toBe('');
  });

  it('hears on after the link was down and up', async () => {
    await tool.do({ order: 'ask', address: ip('10.1.1.11') });
    await tool.hears('10.1.1.11', 'reply');
    await here.run('ip link set eth0 down && ip link set eth0 up');
    const before = tool.claims.length;
    // The switch's port takes a moment to forward again: asked until there is an answer.
    while (tool.claims.length === before) await tool.do({ order: 'ask', address: ip('10.1.1.11') });
    expect(tool.claims.at(-1)).toEqual({ address: '10.1.1.11', mac: THEIRS, kind: 'reply' });
  });
});

describe('watching', () => {
  it('hears others claim what is watched, and nothing else', async () => {
    const other = await Tool.start(there);
    await tool.do({ order: 'watch', addresses: [ip('10.1.1.254'), ip('fd00:1::254')] });
    const strangers = [ip('10.1.1.253'), ip('fd00:1::253'), ip('fd00:2::254')];
    await other.do({ order: 'announce', addresses: [...strangers, ip('10.1.1.254'), ip('fd00:1::254')] });
    const claims = [
      await tool.hears('10.1.1.254', 'announcement'),
      await tool.hears('fd00:1::254', 'announcement'),
    ];
    expect(claims.map(({ mac }) => mac)).toEqual([THEIRS, THEIRS]);
    // What this host itself announces is no news.
    await tool.do({ order: 'announce', addresses: [ip('10.1.1.254'), ip('fd00:1::254')] });
    await tool.do({ order: 'watch', addresses: [ip('10.1.1.252')] });
    await other.do({ order: 'announce', addresses: [ip('10.1.1.254'), ip('10.1.1.252')] });
    await tool.hears('10.1.1.252', 'announcement');
    // Each family has its own socket: their order is nobody's promise.
    const heard = tool.claims.map(({ address }) => address);
    expect([heard.toSorted(), heard.at(-1)]).toEqual([
      ['10.1.1.252', '10.1.1.254', 'fd00:1::254'],
      '10.1.1.252',
    ]);
  });

  it('does not take a host of another VLAN for one of this network', async () => {
    const other = await Tool.start(there);
    await tool.do({ order: 'watch', addresses: [ip('10.1.1.254'), ip('10.1.1.252')] });
    await other.do({ order: 'announce-tagged', address: ip('10.1.1.254'), vlan: 100 });
    // Tagged for its priority only: VLAN 0 is the network itself.
    await other.do({ order: 'announce-tagged', address: ip('10.1.1.252'), vlan: 0 });
    await tool.hears('10.1.1.252', 'announcement');
    expect(tool.claims.map(({ address }) => address)).toEqual(['10.1.1.252']);
  });

  it('takes more addresses than a filter holds', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => ip(`10.2.${i >> 8}.${i & 255}`));
    const other = await Tool.start(there);
    await tool.do({ order: 'watch', addresses: many });
    await other.do({ order: 'announce', addresses: [ip('10.3.0.1'), ip('10.2.3.231')] });
    await tool.hears('10.2.3.231', 'announcement');
    expect(tool.claims.length).toBe(1);
  });

  it('the largest filter of each family is one that the kernel takes, also in the place of another', async () => {
    for (const network of [200, 201]) {
      const ipv4 = Array.from({ length: 256 }, (_, i) => ip(`${network}.2.0.${i}`));
      const ipv6 = Array.from({ length: 256 }, (_, i) => ip(`fd00:1::f${network}:${(i + 1).toString(16)}`));
      expect(await tool.do({ order: 'watch', addresses: [...ipv4, ...ipv6] })).toEqual({ done: 'watch' });
    }
  });

  it('the kernel drops what is of no interest: it never reaches the process', async () => {
    const program = join(import.meta.dirname, 'filter-tool.ts');
    const filters = await here.spawn(['node', program, 'eth0', '10.1.1.254', 'fd00:1::254']);
    await filters.stdout.waitFor((line) => line === 'ready');
    const other = await Tool.start(there);
    const strangers = Array.from({ length: 100 }, (_, i) => [
      ip(`10.1.1.${i}`),
      ip(`fd00:1::${i + 1}`),
    ]).flat();
    // Claims of others, questions for what is watched, and packets of the same protocols that claim nothing.
    await other.do({ order: 'announce', addresses: strangers });
    await other.do({ order: 'ask', address: ip('10.1.1.254'), source: ip('10.1.1.11') });
    await other.do({ order: 'ask', address: ip('fd00:1::254'), source: ip('fd00:1::11') });
    await there.run("bash -c 'echo > /dev/udp/fd00:1::10/9; echo > /dev/udp/10.1.1.10/9'");
    await other.do({ order: 'announce', addresses: [ip('10.1.1.254'), ip('fd00:1::254')] });
    await filters.stdout.waitFor((line) => line.startsWith('arp'));
    await filters.stdout.waitFor((line) => line.startsWith('icmpv6'));
    expect(filters.stdout.all.length).toBe(3);
  });
});
