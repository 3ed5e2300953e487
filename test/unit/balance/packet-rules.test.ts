import { expect, it } from 'vitest';
import { packetRulesOf } from '../../../src/balance/packet-rules.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { MarkMatch } from '../../../src/model/config.ts';
import { entryAt, realServerAt, sorryServerAt, virtualServer } from '../../support/virtual-server.ts';

const ports = (...numbers: readonly number[]) => numbers.map((number) => ({ from: number, to: number }));
const match = (address: string, ...numbers: readonly number[]): MarkMatch => ({
  address: address as IpAddress,
  protocol: 'tcp',
  ports: ports(...numbers),
});

it('nothing where there is neither a mark to set nor fullnat', () => {
  const mark = { kind: 'mark', mark: 7, family: 'ipv4' } as const;
  const servers = [
    virtualServer({ realServers: [realServerAt('10.1.1.2', { forwarding: 'nat' })] }),
    virtualServer({ entries: [mark], realServers: [realServerAt('10.1.1.2', { forwarding: 'dr' })] }),
  ];
  expect(packetRulesOf(servers)).toEqual({ marks: [], sourceNats: [] });
});

it('a mark for each match, by the entry of its family', () => {
  const entries = [
    { kind: 'mark', mark: 7, family: 'ipv4' },
    { kind: 'mark', mark: 7, family: 'ipv6' },
  ] as const;
  const matches = [match('10.1.1.254', 80, 443), match('fd00::fe')];
  const { marks, sourceNats } = packetRulesOf([virtualServer({ entries, match: matches })]);
  expect(marks).toEqual(matches.map((each) => ({ ...each, mark: 7 })));
  expect(sourceNats).toEqual([]);
});

it('source NAT for the servers behind fullnat alone, at each address and port of the definition', () => {
  const web = realServerAt('10.2.0.2', { forwarding: 'fullnat', port: 8080 });
  const sorry = sorryServerAt('10.2.0.9', { forwarding: 'fullnat', port: undefined });
  const definition = virtualServer({
    entries: [entryAt('10.1.1.254', 80), entryAt('10.1.1.253', 0)],
    realServers: [web, realServerAt('10.2.0.3', { forwarding: 'nat' })],
    sorryServers: [sorry, sorryServerAt('127.0.0.1', { forwarding: 'fullnat' })],
  });
  const realServers = [
    { address: '10.2.0.2', port: 8080 },
    { address: '10.2.0.9', port: undefined },
  ];
  expect(packetRulesOf([definition]).sourceNats).toEqual([
    { virtual: match('10.1.1.254', 80), realServers, to: 'auto' },
    { virtual: match('10.1.1.253'), realServers, to: 'auto' },
  ]);
});

it('source NAT to each address that servers are to see', () => {
  const fullnat = (address: string, source: string | undefined) =>
    realServerAt(address, { forwarding: 'fullnat', sourceAddress: source as IpAddress | undefined });
  const definition = virtualServer({
    realServers: [
      fullnat('10.2.0.2', '10.2.0.100'),
      fullnat('10.2.0.3', undefined),
      fullnat('10.2.0.4', '10.2.0.100'),
    ],
  });
  const virtual = match('10.1.1.254', 80);
  expect(packetRulesOf([definition]).sourceNats).toEqual([
    {
      virtual,
      realServers: [
        { address: '10.2.0.2', port: 80 },
        { address: '10.2.0.4', port: 80 },
      ],
      to: '10.2.0.100',
    },
    { virtual, realServers: [{ address: '10.2.0.3', port: 80 }], to: 'auto' },
  ]);
});

it('source NAT of a mark is for what gets the mark, each family by itself', () => {
  const definition = virtualServer({
    entries: [
      { kind: 'mark', mark: 7, family: 'ipv4' },
      { kind: 'mark', mark: 7, family: 'ipv6' },
    ],
    match: [match('10.1.1.254', 80, 443), match('fd00::fe', 80)],
    realServers: [realServerAt('fd02::2', { forwarding: 'fullnat', port: undefined })],
  });
  expect(packetRulesOf([definition]).sourceNats).toEqual([
    { virtual: match('fd00::fe', 80), realServers: [{ address: 'fd02::2', port: undefined }], to: 'auto' },
  ]);
});
