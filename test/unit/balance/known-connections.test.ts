import { expect, it } from 'vitest';
import { KnownConnections } from '../../../src/balance/known-connections.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { IpvsConnection } from '../../../src/model/connections.ts';
import type { SourceNatRule } from '../../../src/model/packet-rules.ts';

const ip = (text: string): IpAddress => text as IpAddress;
const end = (address: string, port: number) => ({ address: ip(address), port });

const connection = (more: Partial<IpvsConnection> = {}): IpvsConnection => ({
  protocol: 'TCP',
  client: end('10.9.9.9', 40_000),
  service: end('10.1.1.254', 80),
  server: end('10.3.0.2', 8080),
  state: 'ESTABLISHED',
  expires: 890,
  engine: undefined,
  ...more,
});

const rule = (more: Partial<SourceNatRule> = {}): SourceNatRule => ({
  virtual: { address: ip('10.1.1.254'), protocol: 'tcp', ports: [{ from: 80, to: 80 }] },
  realServers: [{ address: ip('10.3.0.2'), port: 8080 }],
  to: ip('10.2.0.100'),
  ...more,
});

/** Given one by one. */
function gathered(all: readonly IpvsConnection[], rules: readonly SourceNatRule[]) {
  const connections = new KnownConnections(rules);
  for (const each of all) connections.add([each]);
  return connections.known;
}

const serversOf = (all: readonly IpvsConnection[], ...rules: readonly SourceNatRule[]) =>
  gathered(all, rules).connections.map(({ realServer }) => `${realServer.address}:${realServer.port}`);

it("are at the address that floats with the client's own port, and remembered longer than by IPVS", () => {
  expect(gathered([connection()], [rule()])).toEqual({
    connections: [
      {
        protocol: 'tcp',
        state: 'established',
        client: end('10.9.9.9', 40_000),
        virtual: end('10.1.1.254', 80),
        realServer: end('10.3.0.2', 8080),
        source: end('10.2.0.100', 40_000),
        timeout: 950,
      },
    ],
    doubtful: [],
  });
});

it('are those of the rules only: virtual address, protocol, real server and its port', () => {
  const others = [
    connection({ service: end('10.1.1.253', 80) }),
    connection({ server: end('10.3.0.3', 8080) }),
    connection({ server: end('10.3.0.2', 8081) }),
    connection({ protocol: 'UDP', state: 'UDP' }),
  ];
  expect(serversOf([...others, connection()], rule())).toEqual(['10.3.0.2:8080']);
  expect(serversOf([connection()], rule({ to: 'auto' }))).toEqual([]);
});

it('have any of the ports that clients ask for where the real server has none of its own', () => {
  const ports = [{ from: 8000, to: 8010 }];
  const portless = [{ address: ip('10.3.0.2'), port: undefined }];
  const asked = [7999, 8000, 8010, 8011].map((port) => connection({ server: end('10.3.0.2', port) }));
  const some = rule({
    virtual: { address: ip('10.1.1.254'), protocol: 'tcp', ports },
    realServers: portless,
  });
  const every = { ...some, virtual: { ...some.virtual, ports: [] } };
  expect(serversOf(asked, some)).toEqual(['10.3.0.2:8000', '10.3.0.2:8010']);
  expect(serversOf(asked, every)).toHaveLength(4);
});

it('have both something to say yet, and are no templates', () => {
  const states = ['SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'TIME_WAIT', 'CLOSE', 'NONE'];
  const all = states.map((state, index) => connection({ state, client: end('10.9.9.9', 40_000 + index) }));
  const template = connection({ client: end('10.9.9.9', 0) });
  const { connections } = gathered([...all, template], [rule()]);
  expect(connections.map(({ state }) => state)).toEqual(['established', 'fin-wait', 'close-wait']);
  const datagrams = rule({ virtual: { address: ip('10.1.1.254'), protocol: 'udp', ports: [] } });
  expect(serversOf([connection({ protocol: 'UDP', state: 'UDP' })], datagrams)).toEqual(['10.3.0.2:8080']);
});

it('are not those of clients with one port at one real server: either may have had another there', () => {
  const two = [connection(), connection({ client: end('10.9.9.10', 40_000) })];
  const elsewhere = connection({ client: end('10.9.9.11', 40_000), server: end('10.3.0.3', 8080) });
  const both = rule({
    realServers: ['10.3.0.2', '10.3.0.3'].map((address) => ({ address: ip(address), port: 8080 })),
  });
  const { connections, doubtful } = gathered([...two, elsewhere], [both]);
  expect(doubtful.map(({ client }) => client.address)).toEqual(['10.9.9.9', '10.9.9.10']);
  expect(connections.map(({ client }) => client.address)).toEqual(['10.9.9.11']);
});
