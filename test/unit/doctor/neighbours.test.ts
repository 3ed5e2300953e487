/** As many neighbours as real servers. */
import { expect, it } from 'vitest';
import { neighbourFindings } from '../../../src/doctor/neighbours.ts';
import type { IpAddress } from '../../../src/model/address.ts';

const route = (link: string, router?: string) => ({
  link,
  router: router as IpAddress | undefined,
  source: undefined,
  mtu: undefined,
});
const servers = (count: number, of: ReturnType<typeof route>) =>
  new Map(Array.from({ length: count }, (_, i) => [`10.2.${i >> 8}.${i & 255}` as IpAddress, of] as const));
const found = (routes: ReturnType<typeof servers>, most: string | undefined) =>
  neighbourFindings(routes, (path) =>
    path.join('/') === 'net/ipv4/neigh/default/gc_thresh3' ? most : undefined,
  );

it('are more than the kernel knows, and what makes room', () => {
  const [finding, ...more] = found(servers(2000, route('eth1')), '1024');
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    severity: 'problem',
    what: expect.stringMatching(/^2000 real servers are neighbours .* knows 1024 at the most/),
    mend: expect.stringMatching(/^sysctl -w net\.ipv4\.neigh\.default\.gc_thresh3=4096 .*gc_thresh1=1024; /),
  });
});

it('are enough where the table is greater, or where they are behind a router or here', () => {
  expect(found(servers(2000, route('eth1')), '4096')).toEqual([]);
  expect(found(servers(2000, route('eth1', '10.2.255.1')), '1024')).toEqual([]);
  expect(found(servers(2000, route('lo')), '1024')).toEqual([]);
});

it('are not known to fit where the table is not seen, unless they are few', () => {
  expect(found(servers(2000, route('eth1')), undefined)).toMatchObject([{ severity: 'unknown' }]);
  expect(found(servers(500, route('eth1')), undefined)).toEqual([]);
});
