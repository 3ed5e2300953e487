/** `accept: false` on a director that balances: what is for IPVS passes, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RefusedAddress, refusingRuleset } from '../../src/kernel/packet-filter.ts';
import type { IpAddress } from '../../src/model/address.ts';
import type { Protocol } from '../../src/model/virtual-server.ts';
import { named, serveVips, stage } from './cloud-stage.ts';
import { answerOn, answersEcho, askAll, type Question } from './cloud-tools.ts';
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

/** As `ipvsadm -R` reads them. */
function services(vip: string, natted: string, direct: string, local: string): readonly string[] {
  const service = (key: string, port: number, server: string, way: string) => [
    `-A ${key} ${named(vip)}:${port} -s rr`,
    `-a ${key} ${named(vip)}:${port} -r ${named(server)}${way}`,
  ];
  return [
    ...service('-t', NAT, natted, ':8080 -m'),
    ...service('-u', NAT_UDP, natted, ':53 -m'),
    ...service('-t', DIRECT, direct, `:${DIRECT} -g`),
    ...service('-t', LOCAL, local, `:${LOCAL} -g`),
    `-A -t ${named(vip)}:${NOBODY} -s rr`,
  ];
}

async function prepare(): Promise<void> {
  const { director, near, web } = stage();
  await prepareDirectRouting(near, '10.1.1.254');
  await near.run('ip address add fd01::fe/128 dev lo nodad');
  await serveVips(
    [...VIPS, ...EVERY_PORT_VIPS, ...MARK_VIPS],
    [
      ...services('10.1.1.254', '10.2.0.2', '10.1.1.2', '127.0.0.1'),
      ...services('fd01::fe', 'fd02::2', 'fd01::2', 'fd01::1'),
      ...['-A -t 10.1.1.253:0 -s rr -p 60', '-a -t 10.1.1.253:0 -r 127.0.0.1:0 -g'],
      ...['-A -t [fd01::fd]:0 -s rr -p 60', '-a -t [fd01::fd]:0 -r [fd01::1]:0 -g'],
      ...[`-A -f ${MARK} -s rr`, `-a -f ${MARK} -r 127.0.0.1:0 -g`],
      ...[`-A -f ${MARK} -6 -s rr`, `-a -f ${MARK} -6 -r [fd01::1]:0 -g`],
    ],
  );
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
    answerOn(
      web,
      [
        ['tcp', 8080],
        ['udp', 53],
      ],
      'web',
    ),
    answerOn(near, [['tcp', DIRECT]], 'near'),
    answerOn(
      director,
      [
        ['tcp', LOCAL],
        ['tcp', OTHER],
      ],
      'director',
    ),
  ]);
}

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
  await stage().director.run('nft -f -', { input: refusingRuleset(all) });
};
/** Packets that our rules have dropped. */
const dropped = async (): Promise<number> => {
  const counters = (await stage().director.run('nft list chain inet vipward local_in')).matchAll(
    /counter packets (\d+)/g,
  );
  return [...counters].reduce((sum, [, packets]) => sum + Number(packets), 0);
};

/** What each question of `questions` gets at the VIPs of both families, which must be the same. */
async function both<Name extends string>(
  vips: readonly string[],
  questions: Readonly<Record<Name, readonly [Protocol, number]>>,
  patience?: number,
): Promise<Readonly<Record<Name, string>>> {
  const named = Object.entries(questions) as [Name, readonly [Protocol, number]][];
  const all = vips.flatMap((vip) => named.map(([, [transport, port]]): Question => [transport, vip, port]));
  const answers = await askAll(stage().client, all, patience);
  const first = answers.slice(0, named.length);
  expect(answers.slice(named.length)).toEqual(first);
  return Object.fromEntries(named.map(([name], index) => [name, first[index]])) as Record<Name, string>;
}

const echoes = (): Promise<readonly boolean[]> =>
  Promise.all(VIPS.map((vip) => answersEcho(stage().client, vip)));

const BALANCED = {
  nat: ['tcp', NAT],
  udp: ['udp', NAT_UDP],
  direct: ['tcp', DIRECT],
  local: ['tcp', LOCAL],
  nobody: ['tcp', NOBODY],
} as const;
const AS_BALANCED = { nat: 'web', udp: 'web', direct: 'near', local: 'director', nobody: 'refused' };
const OWN = { other: ['tcp', OTHER] } as const;

describe('accept: false on a director that balances:', () => {
  beforeAll(prepare);
  afterAll(() => stage().director.run('nft delete table inet vipward'));

  it('where a VIP is accepted, what is sent there is balanced, or answered by this host', async () => {
    const all = await both(VIPS, { ...BALANCED, ...OWN });
    expect(all).toEqual({ ...AS_BALANCED, other: 'director' });
    expect(await both(MARK_VIPS, OWN)).toEqual({ other: 'director' });
    await expect.poll(echoes).toEqual([true, true]);
  });

  describe('where a VIP is refused', () => {
    beforeAll(async () => {
      await refuse();
      await stage().client.run('ip neigh flush all; ip -6 neigh flush all');
    });

    it('what is balanced passes, though a neighbour must first find out who has the address', async () => {
      expect(await both(VIPS, BALANCED)).toEqual(AS_BALANCED);
      expect(await dropped()).toBe(0);
    });

    it('nothing else does', async () => {
      const before = await dropped();
      // Long enough that who asks has begun.
      expect(await both(VIPS, OWN, 6)).toEqual({ other: 'silent' });
      const after = await dropped();
      expect(after).toBeGreaterThan(before);
      expect(await echoes()).toEqual([false, false]);
      expect(await dropped()).toBe(after + 2);
    });

    it('what a virtual server of every port, or of a mark, gives to this host itself passes', async () => {
      expect(await both(EVERY_PORT_VIPS, OWN)).toEqual({ other: 'director' });
      expect(await both(EVERY_PORT_VIPS, { datagram: ['udp', OTHER] }, 2)).toEqual({ datagram: 'silent' });
      expect(await both(MARK_VIPS, { marked: ['tcp', LOCAL] })).toEqual({ marked: 'director' });
      expect(await both(MARK_VIPS, OWN, 2)).toEqual({ other: 'silent' });
    });

    it('the other addresses of this host are not touched', async () => {
      expect(await both(['10.1.1.1', 'fd01::1'], OWN)).toEqual({ other: 'director' });
    });
  });
});
