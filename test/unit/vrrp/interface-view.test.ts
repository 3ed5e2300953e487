import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import type { VirtualRouter } from '../../../src/model/config.ts';
import {
  type AddressCondition,
  isOwnersOwn,
  obstacle,
  sourceAddress,
} from '../../../src/vrrp/process/interface-view.ts';
import { address, virtualRouter } from '../../support/virtual-router.ts';

const on = (address: string, lifetime: number | 'forever' = 'forever'): AddressCondition => ({
  prefix: { address: address as IpAddress, length: 24 },
  lifetime,
});
const router = (priority: number, ...addresses: readonly string[]): VirtualRouter =>
  virtualRouter({ priority, addresses: addresses.map((text) => address(text)) });

describe('source of adverts', () => {
  it('is the first IPv4 address that is not virtual', () => {
    const addresses = [on('fe80::1'), on('10.1.1.254', 3), on('10.1.1.10'), on('10.1.1.9')];
    expect(sourceAddress('ipv4', addresses, [router(150, '10.1.1.254')])).toBe('10.1.1.10');
  });

  it('is never an address of another virtual router of the interface', () => {
    const routers = [router(150, '10.1.1.254'), router(100, '10.1.1.253')];
    expect(sourceAddress('ipv4', [on('10.1.1.253'), on('10.1.1.254')], routers)).toBeUndefined();
  });

  it('over IPv6 is a link-local one, or where peers are further away one that reaches them', () => {
    const addresses = [on('10.1.1.10'), on('2001:db8::10'), on('fe80::10'), on('fe80::254', 3)];
    const routers = [router(150, 'fe80::254', '2001:db8::254')];
    expect(sourceAddress('ipv6', addresses, routers)).toBe('fe80::10');
    expect(sourceAddress('ipv6', addresses, routers, true)).toBe('2001:db8::10');
    expect(sourceAddress('ipv6', [on('2001:db8::10')], routers)).toBeUndefined();
  });

  it("is the owner's own address only where there is no other", () => {
    const owner = router(255, '10.1.1.10');
    expect(sourceAddress('ipv4', [on('10.1.1.10')], [owner])).toBe('10.1.1.10');
    expect(sourceAddress('ipv4', [on('10.1.1.10'), on('10.1.1.11')], [owner])).toBe('10.1.1.11');
    expect(sourceAddress('ipv4', [on('10.1.1.10', 3)], [owner])).toBeUndefined();
  });
});

describe("the owner's own address", () => {
  it.each([
    [255, '10.1.1.10', 'forever', true],
    [254, '10.1.1.10', 'forever', false],
    [255, '10.1.1.10', 3, false],
    [255, '10.1.1.11', 'forever', false],
  ] as const)('priority %d, %s for %s: %s', (priority, address, lifetime, expected) => {
    expect(isOwnersOwn(router(priority, '10.1.1.10'), on(address, lifetime))).toBe(expected);
  });
});

describe('obstacle', () => {
  const link = { name: 'eth0', up: true, running: true };
  const source = '10.1.1.10' as IpAddress;
  it.each([
    [undefined, source, 'interface eth0 does not exist'],
    [{ ...link, up: false, running: false }, source, 'interface eth0 is down'],
    [{ ...link, running: false }, source, 'interface eth0 has no carrier'],
    [link, undefined, 'interface eth0 has no IPv4 address of its own'],
    [link, source, undefined],
  ])('%j from %s: %s', (condition, from, expected) => {
    expect(obstacle('eth0', 'ipv4', condition, from)).toBe(expected);
  });

  it('over IPv6 is a missing link-local address', () => {
    expect(obstacle('eth0', 'ipv6', link, undefined)).toBe(
      'interface eth0 has no link-local IPv6 address of its own',
    );
  });
});
