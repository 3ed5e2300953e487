import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import type { VirtualRouter } from '../../../src/model/config.ts';
import { centiseconds } from '../../../src/model/units.ts';
import {
  type AddressCondition,
  isOwnersOwn,
  obstacle,
  sourceAddress,
} from '../../../src/vrrp/process/interface-view.ts';

const on = (address: string, lifetime: number | 'forever' = 'forever'): AddressCondition => ({
  prefix: { address: address as IpAddress, length: 24 },
  lifetime,
});
const router = (priority: number, ...addresses: readonly string[]): VirtualRouter => ({
  name: 'web',
  interface: 'eth0',
  vrid: 51,
  priority,
  advertInterval: centiseconds(100),
  preempt: true,
  addresses: addresses.map((address) => ({ address: address as IpAddress, length: 24 })),
});

describe('source of adverts', () => {
  it('is the first IPv4 address that is not virtual', () => {
    const addresses = [on('fe80::1'), on('10.1.1.254', 3), on('10.1.1.10'), on('10.1.1.9')];
    expect(sourceAddress(addresses, [router(150, '10.1.1.254')])).toBe('10.1.1.10');
  });

  it('is never an address of another virtual router of the interface', () => {
    const routers = [router(150, '10.1.1.254'), router(100, '10.1.1.253')];
    expect(sourceAddress([on('10.1.1.253'), on('10.1.1.254')], routers)).toBeUndefined();
  });

  it("is the owner's own address only where there is no other", () => {
    const owner = router(255, '10.1.1.10');
    expect(sourceAddress([on('10.1.1.10')], [owner])).toBe('10.1.1.10');
    expect(sourceAddress([on('10.1.1.10'), on('10.1.1.11')], [owner])).toBe('10.1.1.11');
    expect(sourceAddress([on('10.1.1.10', 3)], [owner])).toBeUndefined();
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
  ])('%j from %s: %s', (condition, address, expected) => {
    expect(obstacle('eth0', condition, address)).toBe(expected);
  });
});
