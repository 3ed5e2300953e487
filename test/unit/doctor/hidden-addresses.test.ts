import { describe, expect, it } from 'vitest';
import { hiddenAddressFindings } from '../../../src/doctor/hidden-addresses.ts';
import type { IpAddress, MacAddress } from '../../../src/model/address.ts';
import type { RealServerRole } from '../../../src/prepare/real-server.ts';

const VIP = '10.1.1.254' as IpAddress;
const role: RealServerRole = { vips: [VIP], forwarding: 'tun', outer: 'ipv4' };
const mac = '02:00:00:00:00:01' as MacAddress;
const links = [
  { index: 1, name: 'lo', mac: undefined, up: true },
  { index: 2, name: 'eth0', mac, up: true },
  { index: 3, name: 'tunl0', mac: undefined, up: false },
  { index: 4, name: 'dummy0', mac, up: true },
];
const held = (...on: readonly (readonly [number, number])[]) =>
  hiddenAddressFindings([role], {
    links,
    addresses: on.map(([index, length]) => ({ index, prefix: { address: VIP, length } })),
  });

describe('the VIP of a real server', () => {
  it.each([
    ['on lo', [[1, 32]], []],
    ['on a link of its own that nobody hears', [[4, 32]], []],
    ['nowhere', [], ['vipward realserver start --vip 10.1.1.254 --forwarding tun --outer ipv4']],
    [
      'where this host answers for it as well',
      [
        [1, 32],
        [2, 24],
      ],
      [
        expect.stringMatching(
          /^ip addr del 10\.1\.1\.254\/24 dev eth0; .*own address: vipward realserver stop /,
        ),
      ],
    ],
    ['on a tunnel that is down', [[3, 32]], ['ip link set tunl0 up']],
    ['on lo with its network', [[1, 24]], [expect.stringContaining('ip addr del 10.1.1.254/24 dev lo; ')]],
  ] as const)('%s', (_, on, mends) => {
    const findings = held(...on);
    expect(findings.filter(({ severity }) => severity === 'problem').map(({ mend }) => mend)).toEqual(mends);
    expect(findings).toHaveLength(Math.max(1, mends.length));
  });
});
