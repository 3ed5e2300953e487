/** What ip(8) answers to many questions at once. */
import { expect, it } from 'vitest';
import { routesIn } from '../../../src/doctor/routes.ts';
import type { IpAddress } from '../../../src/model/address.ts';

const ip = (text: string) => text as IpAddress;

it('is told apart by destination, source and the link that a packet came in by', () => {
  const answers = `10.9.0.5 dev v0 src 10.9.0.1 uid 0 \\    cache
198.51.100.1 from 10.9.0.5 via 10.8.0.9 dev v1 \\    cache iif v0
local 10.9.0.1 dev lo table local src 10.9.0.1 uid 0 \\    cache <local>
10.7.0.1 via inet6 fe80::9 dev v1 src 10.9.0.1 uid 0 \\    cache mtu lock 1400
`;
  const far = { to: ip('198.51.100.1'), from: ip('10.9.0.5') };
  const asked = [{ to: ip('10.9.0.1') }, { to: ip('10.9.0.5') }, { ...far, by: 'v0' }, far];
  expect(routesIn(answers, [...asked, { to: ip('10.7.0.1') }])).toEqual([
    { link: 'lo', source: '10.9.0.1' },
    { link: 'v0', source: '10.9.0.1' },
    { link: 'v1', router: '10.8.0.9' },
    undefined,
    { link: 'v1', router: 'fe80::9', source: '10.9.0.1', mtu: 1400 },
  ]);
});

it('is that of an IPv6 address, too, which is said to be from :: where nobody asked for a source', () => {
  const answers = `2001:db8::2 from :: via 2001:db8:1::9 dev v0 src 2001:db8:1::1 metric 1024 pref medium
local 2001:db8:1::1 from :: dev lo table local proto kernel src 2001:db8:1::1 metric 0 pref medium
2001:db8::7 from 2001:db8:1::77 via 2001:db8:1::9 dev v0 metric 1024 iif v1 pref medium
2001:db8::8 dev v0 src 2001:db8:1::1 metric 1024 pref medium
`;
  const asked = [
    { to: ip('2001:db8::2') },
    { to: ip('2001:db8:1::1') },
    { to: ip('2001:db8::7'), from: ip('2001:db8:1::77'), by: 'v1' },
    { to: ip('2001:db8::8') },
  ];
  expect(routesIn(answers, asked).map((route) => [route?.link, route?.router])).toEqual([
    ['v0', '2001:db8:1::9'],
    ['lo', undefined],
    ['v0', '2001:db8:1::9'],
    ['v0', undefined],
  ]);
});
