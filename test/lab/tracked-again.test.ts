/**
 * A connection goes through one director, then through another, then through the first again, whose connection tracking
 * still knows it: as it was when the first one's turn was over. The directors translate its source as fullnat does.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packetRuleset } from '../../src/kernel/packet-ruleset.ts';
import type { IpAddress } from '../../src/model/address.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';

const CLIENT = '10.9.0.2';
const SERVER = { address: '10.2.0.2', port: 8080 };
const SOURCE = '10.2.0.100';
/** Several times the window of either end. */
const MUCH = 30_000_000;

const RULES = `table inet theirs { chain source { type nat hook postrouting priority srcnat
  ip daddr ${SERVER.address} tcp dport ${SERVER.port} snat ip to ${SOURCE}
}
}`;

let lab: Lab;
let client: NamespaceNode;
let server: NamespaceNode;
let directors: readonly [NamespaceNode, NamespaceNode];

beforeAll(async () => {
  lab = await Lab.create();
  const [outside, inside] = [await lab.addSwitch('outside'), await lab.addSwitch('inside')];
  client = await lab.addHost('client', { ports: [{ on: outside, addresses: [`${CLIENT}/24`] }] });
  server = await lab.addHost('server', { ports: [{ on: inside, addresses: [`${SERVER.address}/24`] }] });
  const addDirector = async (name: string, host: number): Promise<NamespaceNode> => {
    const ports = [
      { on: outside, addresses: [`10.9.0.${host}/24`] },
      { on: inside, addresses: [`10.2.0.${host}/24`] },
    ];
    const director = await lab.addHost(name, { ports, forward: true });
    await director.run('nft -f -', { input: RULES });
    return director;
  };
  directors = [await addDirector('first', 11), await addDirector('second', 12)];
  const echo = await server.spawn(['node', 'test/lab/echo-driver.ts', 'serve', String(SERVER.port)]);
  await echo.stdout.waitFor((line) => line === 'ready');
});
afterAll(() => lab?.close());

/** `next` takes the source address and the client's packets from `last`. */
async function change(last: NamespaceNode, next: NamespaceNode): Promise<void> {
  await last.exec(`ip addr del ${SOURCE}/32 dev eth1`);
  await next.run(`ip addr replace ${SOURCE}/32 dev eth1`);
  await server.run('ip neigh flush all');
  await client.run(`ip route replace 10.2.0.0/24 via 10.9.0.${next === directors[0] ? 11 : 12}`);
}

/** The connection of the client's `port`; `certain`: whether its source port is. */
async function track(director: NamespaceNode, port: number, certain: boolean): Promise<unknown> {
  const ends = { virtual: SERVER, realServer: SERVER, source: { address: SOURCE, port } };
  const connection = { protocol: 'tcp', state: 'established', timeout: 900, ...ends };
  const all = [{ ...connection, client: { address: CLIENT, port } }];
  const lists = (certain ? [all, []] : [[], all]).map((list) => JSON.stringify(list));
  return JSON.parse(await director.run(['node', 'test/lab/conntrack-driver.ts', ...lists]));
}

it.each([
  ['comes back to a director', 40_000, true],
  ['may have another source port', 40_001, false],
])('a connection that %s goes on there, however much was said meanwhile', async (_, port, certain) => {
  const [first, second] = directors;
  await change(second, first);
  const ends = [CLIENT, port, SERVER.address, SERVER.port].map(String);
  const talk = await client.spawn(['node', 'test/lab/echo-driver.ts', 'talk', ...ends]);
  const say = async (bytes: number): Promise<void> => {
    const since = talk.stdout.mark;
    talk.write(`${bytes}\n`);
    await talk.stdout.waitFor((line) => line === `ok ${bytes}`, { since, timeout: 120_000 });
  };
  await talk.stdout.waitFor((line) => line === 'connected');
  await say(1_000);
  await change(first, second);
  expect(await track(second, port, true)).toEqual({ made: 1, there: 0, errors: [] });
  await say(MUCH);
  await change(second, first);
  expect(await track(first, port, certain)).toEqual({ made: 0, there: certain ? 1 : 0, errors: [] });
  await say(2_000);
});

/** As vipward has them on a director that takes over. */
const DATAGRAM_PORT = 8053;
const DATAGRAM_RULES = packetRuleset(
  {
    marks: [],
    sourceNats: [
      {
        virtual: { address: SERVER.address as IpAddress, protocol: 'udp', ports: [] },
        realServers: [{ address: SERVER.address as IpAddress, port: DATAGRAM_PORT }],
        to: SOURCE as IpAddress,
      },
    ],
    awaited: [SOURCE as IpAddress],
  },
  'inet vipward-ipvs',
);

it('a client that only listens to datagrams hears them by the next director, though some came there too early', async () => {
  const [first, second] = directors;
  const port = 40_002;
  for (const director of directors) await director.run('nft -f -', { input: DATAGRAM_RULES });
  await change(second, first);
  const teller = await server.spawn(['node', 'test/lab/echo-driver.ts', 'tell', String(DATAGRAM_PORT)]);
  await teller.stdout.waitFor((line) => line === 'ready');
  const to = `UDP4:${SERVER.address}:${DATAGRAM_PORT},sourceport=${port}`;
  const ear = await client.spawn(['socat', '-', to]);
  ear.write('here\n');
  await teller.stdout.waitFor((line) => line === `heard ${port}`);
  teller.write('one\n');
  await ear.stdout.waitFor((line) => line === 'one');
  await change(first, second);
  teller.write('early\n');
  // Behind it on the same way; nobody listens there.
  expect((await server.exec(['bash', '-c', `exec 3<>/dev/tcp/${SOURCE}/9`])).stderr).toContain('refused');
  const end = { address: SERVER.address, port: DATAGRAM_PORT };
  const connection = {
    ...{ protocol: 'udp', state: 'established', timeout: 900, virtual: end, realServer: end },
    client: { address: CLIENT, port },
    source: { address: SOURCE, port },
  };
  const driver = ['node', 'test/lab/conntrack-driver.ts', JSON.stringify([connection])];
  expect(JSON.parse(await second.run(driver))).toEqual({ made: 1, there: 0, errors: [] });
  teller.write('two\n');
  await ear.stdout.waitFor((line) => line === 'two');
});
