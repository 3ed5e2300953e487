/** Marks and fullnat by nftables and IPVS together. */
import { beforeAll, describe, expect, it } from 'vitest';
import { packetRuleset } from '../../src/kernel/packet-ruleset.ts';
import type { IpAddress } from '../../src/model/address.ts';
import type { PortRange } from '../../src/model/config.ts';
import type { PacketRules, SourceNatRule } from '../../src/model/packet-rules.ts';
import type { Protocol } from '../../src/model/virtual-server.ts';
import { named, serveVips, stage } from './cloud-stage.ts';
import { answerOn, ask, askAll } from './cloud-tools.ts';

/** VIP, one of which every port is balanced, two real servers of another network, and what they see the director as. */
const WORLDS = [
  {
    vip: '10.1.1.251',
    every: '10.1.1.250',
    far1: '10.3.0.2',
    far2: '10.3.0.3',
    director: '10.2.0.1',
    second: '10.2.0.9',
  },
  {
    vip: 'fd01::fb',
    every: 'fd01::fa',
    far1: 'fd03::2',
    far2: 'fd03::3',
    director: 'fd02::1',
    second: 'fd02::9',
  },
] as const;
type World = (typeof WORLDS)[number];
/** Ports of virtual servers: fullnat to 8080, fullnat to the same port, nat, and those of a mark. */
const MAPPED = 80;
const SAME = 443;
const NAT = 81;
const MARK = 17;
const MARKED = [9000, 9443] as const;
/** Of every port of the other VIP. */
const EVERY_PORT_MARK = 18;

async function prepare(): Promise<void> {
  const { director, farm } = stage();
  await director.run('echo 1 >/proc/sys/net/ipv4/vs/conntrack');
  const ports: readonly (readonly [Protocol, number])[] = [
    ['udp', 8080],
    ['sctp', 8080],
    ...[8080, SAME, NAT, ...MARKED].map((port) => ['tcp', port] as const),
  ];
  await Promise.all(farm.map((far) => answerOn(far, ports, `${far.name} to $SOCAT_PEERADDR`)));
  await serveVips(
    WORLDS.flatMap(({ vip, every }) => [vip, every]),
    WORLDS.flatMap(table),
  );
}

function table({ vip, far1, far2 }: World): readonly string[] {
  const six = vip.includes(':');
  const service = (key: string, port: number, options = '') => [
    `-A ${key} -s rr ${options}`,
    ...[far1, far2].map((server) => `-a ${key} -r ${named(server)}:${port} -m`),
  ];
  return [
    ...service(`-t ${named(vip)}:${MAPPED}`, 8080),
    ...service(`-u ${named(vip)}:${MAPPED}`, 8080),
    ...service(`--sctp-service ${named(vip)}:${MAPPED}`, 8080),
    ...service(`-t ${named(vip)}:${SAME}`, SAME),
    ...service(`-t ${named(vip)}:${NAT}`, NAT),
    ...service(`-f ${MARK}${six ? ' -6' : ''}`, 0, '-p 60'),
    ...service(`-f ${EVERY_PORT_MARK}${six ? ' -6' : ''}`, 0),
  ];
}

const ip = (text: string): IpAddress => text as IpAddress;
const port = (number: number): PortRange => ({ from: number, to: number });

function sourceNats({ vip, every, far1, far2, second }: World): readonly SourceNatRule[] {
  const rule = (
    protocol: Protocol,
    asked: readonly number[],
    at: number | undefined,
    to: SourceNatRule['to'],
    address: string = vip,
  ): SourceNatRule => ({
    virtual: { address: ip(address), protocol, ports: asked.map(port) },
    realServers: [far1, far2].map((server) => ({ address: ip(server), port: at })),
    to,
  });
  return [
    rule('tcp', [MAPPED], 8080, 'auto'),
    rule('udp', [MAPPED], 8080, 'auto'),
    rule('sctp', [MAPPED], 8080, 'auto'),
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
const TABLE = 'inet vipward-ipvs';
const NONE: PacketRules = { marks: [], sourceNats: [] };

const apply = async (rules: PacketRules): Promise<void> => {
  await stage().director.run('nft -f -', { input: packetRuleset(rules, TABLE) });
};

const flush = async (): Promise<void> => {
  await stage().director.run(`nft delete table ${TABLE}`);
};

describe('packet rules for IPVS', () => {
  beforeAll(prepare);

  describe.each(WORLDS)('at $vip', (world) => {
    const { vip } = world;
    /** The real servers that answered at each of these ports, asked twice, and whom they saw. */
    const answers = async (transport: Protocol, asked: readonly number[], from = stage().client) => {
      const questions = [...asked, ...asked].map((each) => [transport, vip, each] as const);
      const split = (await askAll(from, questions)).map((text) => text.split(' to '));
      return {
        servers: [...new Set(split.map(([server]) => server))].sort(),
        saw: [...new Set(split.map(([, address]) => address))],
      };
    };
    const both = ['far1', 'far2'];

    it('real servers that have no way to the client but by another gateway answer behind fullnat only', async () => {
      await apply(NONE);
      expect(await ask(stage().client, 'tcp', vip, MAPPED, 3)).toBe('silent');
      await apply(RULES);
      const [nat, ...full] = await Promise.all([
        ask(stage().client, 'tcp', vip, NAT, 3),
        answers('tcp', [MAPPED]),
        answers('udp', [MAPPED]),
        answers('sctp', [MAPPED]),
        answers('tcp', [SAME]),
      ]);
      expect(nat).toBe('silent');
      expect(full).toEqual([
        { servers: both, saw: [world.director] },
        { servers: both, saw: [world.director] },
        { servers: both, saw: [world.director] },
        { servers: both, saw: [world.second] },
      ]);
    });

    it('two ports of one mark go to one real server, for a client and for the director itself', async () => {
      await apply({ ...RULES, marks: [] });
      expect(await ask(stage().client, 'tcp', vip, MARKED[0])).toBe('refused');
      await apply(RULES);
      const one = { servers: [expect.stringMatching(/^far[12]$/)], saw: [world.director] };
      expect(await answers('tcp', MARKED)).toEqual(one);
      expect(await answers('tcp', MARKED, stage().director)).toEqual(one);
    });

    it('every port of an address may have a mark, and fullnat', async () => {
      const asked = [SAME, ...MARKED].map((each) => ['tcp', world.every, each] as const);
      const said = await askAll(stage().client, [...asked, ['udp', world.every, SAME]]);
      // Datagrams have none.
      expect(said).toEqual([...asked.map(() => expect.stringMatching(` to ${world.director}$`)), 'refused']);
    });

    it('a connection goes on when the rules are replaced, and when somebody takes them away until they are back', async () => {
      await apply(RULES);
      const talk = 'exec 3<>/dev/tcp/$0/$1 && echo open && read go && echo hello >&3 && exec head -n 1 <&3';
      for (const change of [() => apply({ ...RULES, sourceNats: [] }), flush]) {
        const held = await stage().client.spawn(['bash', '--norc', '-c', talk, vip, String(MAPPED)]);
        await held.stdout.waitFor((line) => line === 'open');
        await change();
        await apply(RULES);
        held.write('go\n');
        await held.stdout.waitFor((line) => line.startsWith('far'));
        await held.exit;
      }
    });
  });

  it('nothing is left in the end, and what is not ours was not touched', async () => {
    await apply(RULES);
    expect(await stage().director.run('nft list tables')).toBe(
      'table inet theirs\ntable inet vipward-ipvs\n',
    );
    await apply(NONE);
    await apply(NONE);
    expect(await stage().director.run('nft list tables')).toBe('table inet theirs\n');
  });
});
