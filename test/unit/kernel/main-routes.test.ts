/** The main routing table, as /proc shows it. */
import { expect, it } from 'vitest';
import {
  linksTo,
  mainIpv6Routes,
  parseIpv4Routes,
  readMainRoutes,
  routerFinder,
} from '../../../src/kernel/main-routes.ts';
import type { InstalledRoute } from '../../../src/kernel/routes.ts';
import { offLinkProblems } from '../../../src/manager/off-link.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { NextHop } from '../../../src/model/routes.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

const ip = (text: string) => text as IpAddress;
/** default via 10.1.1.254; 10.1.1.0/24 on eth0; 10.2.2.0/24 via 10.1.1.1; 10.2.2.64/26 on eth1; 10.3.3.0/24 unreachable. */
const IPV4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\tFE01010A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0002020A\t0101010A\t0003\t0\t0\t5\t00FFFFFF\t0\t0\t0
eth1\t4002020A\t00000000\t0001\t0\t0\t0\tC0FFFFFF\t0\t0\t0
*\t0003030A\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
/** fd00:1::/64 on eth0; fd00:2::/64 via fe80::1; in a table of its own all via fe80::9. */
const ipv6Route = (network: string, table: number, hop: NextHop): InstalledRoute => ({
  ...{ family: 'ipv6', table, nextHops: [hop], protocol: 3 },
  destination: network === 'default' ? network : { address: ip(network), length: 64 },
});
const IPV6 = [
  ipv6Route('fd00:1::', 254, { device: 'eth0' }),
  ipv6Route('fd00:2::', 254, { device: 'eth0', via: ip('fe80::1') }),
  ipv6Route('default', 100, { device: 'eth1', via: ip('fe80::9') }),
  ipv6Route('fd00:1::', 100, { device: 'eth1', via: ip('fe80::9') }),
];
const routes = [...parseIpv4Routes(IPV4), ...mainIpv6Routes(IPV6)];

it.each([
  ['10.1.1.2', undefined],
  ['10.2.2.2', '10.1.1.1'],
  ['10.2.2.70', undefined],
  ['10.3.3.3', undefined],
  ['192.0.2.1', '10.1.1.254'],
  ['fd00:1::2', undefined],
  ['fd00:2::2', 'fe80::1'],
  ['2001:db8::1', undefined],
])('the router to %s is %s', (address, router) => {
  expect(routerFinder(routes)(ip(address))).toBe(router);
});

it('the links to IPv4 hosts are told, each once, and nothing is read for none', () => {
  const hosts = ['10.2.2.70', '10.1.1.2', '10.2.2.2', '10.3.3.3', '192.0.2.1'].map(ip);
  expect(linksTo(hosts, () => parseIpv4Routes(IPV4))).toEqual(['eth0', 'eth1']);
  expect(linksTo([ip('10.3.3.3')], () => parseIpv4Routes(IPV4))).toEqual([]);
  const nobody = () => {
    throw new Error('asked');
  };
  expect(linksTo([], nobody)).toEqual([]);
});

it('of two ways to one network the one of the lower metric counts', () => {
  const net = (metric: number, router: string) => ({
    to: { address: ip('10.0.0.0'), length: 9 },
    router: ip(router),
    metric,
  });
  expect(routerFinder([net(5, '10.1.1.1'), net(1, '10.1.1.2'), net(3, '10.1.1.3')])(ip('10.127.1.1'))).toBe(
    '10.1.1.2',
  );
  expect(routerFinder([net(1, '10.1.1.2')])(ip('10.128.1.1'))).toBeUndefined();
});

it('is read from the kernel that is there', () => {
  expect(readMainRoutes().every(({ to, metric }) => to.length >= 0 && metric >= 0)).toBe(true);
});

it('tells status of real servers behind dr that are behind a router, and is asked for dr alone', () => {
  const far = (forwarding: 'dr' | 'tun') =>
    virtualServer({
      name: 'far',
      realServers: ['10.1.1.2', '10.2.2.2', '127.0.0.1'].map((name) => realServerAt(name, { forwarding })),
    });
  expect(offLinkProblems([far('dr')], () => routes)).toEqual([
    'far: 10.2.2.2 is behind the router 10.1.1.1, and dr reaches hosts on a link only, so that its clients hang: ' +
      'use forwarding tun or nat',
  ]);
  const nobody = () => {
    throw new Error('asked');
  };
  expect(offLinkProblems([far('tun')], nobody)).toEqual([]);
});
