import { describe, expect, it } from 'vitest';
import type { IpAddress, Prefix } from '../../../src/model/address.ts';
import { encodeNewDaemon } from '../../../src/netlink/ipvs/daemon.ts';
import { Malformed } from '../../../src/netlink/reader.ts';
import { encodeNewAddress } from '../../../src/netlink/route/address.ts';
import { decodeRoute, encodeRoute, type RouteEntry } from '../../../src/netlink/route/route.ts';
import { decodeRule, encodeRule, type RuleEntry } from '../../../src/netlink/route/rule.ts';

const ip = (text: string) => text as IpAddress;
const prefix = (address: string, length: number): Prefix => ({ address: ip(address), length });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const GATEWAY: RouteEntry = {
  family: 'ipv4',
  destination: prefix('10.9.0.0', 16),
  nextHops: [{ via: ip('10.1.1.9'), index: 3 }],
  protocol: 112,
};

describe('a route', () => {
  it('in the bytes of rtnetlink: header, table, destination, gateway, link', () =>
    expect(hex(encodeRoute(GATEWAY))).toBe(
      '02100000fe700001' +
        '00000000' +
        '08000f00fe000000' +
        '080001000a090000' +
        '080005000a010109' +
        '0800040003000000',
    ));

  it('reaches the link only where no gateway goes further, as iproute2 has it', () => {
    const { via: _, ...onLink } = GATEWAY.nextHops[0] ?? {};
    expect(encodeRoute({ ...GATEWAY, nextHops: [onLink] })[6]).toBe(253);
    expect(encodeRoute(GATEWAY)[6]).toBe(0);
    expect(encodeRoute({ ...GATEWAY, type: 'blackhole', nextHops: [] })[6]).toBe(0);
    expect(encodeRoute({ ...GATEWAY, scope: 'site' })[6]).toBe(200);
  });

  it('of the kernel’s own making, or cached, is left out', () => {
    const local = encodeRoute(GATEWAY).with(7, 2);
    expect(decodeRoute(local)).toBeUndefined();
    expect(decodeRoute(encodeRoute(GATEWAY).with(9, 2))).toBeUndefined();
    expect(decodeRoute(encodeRoute(GATEWAY).with(0, 28))).toBeUndefined();
  });

  it('whose next hops lie about their length is malformed', () => {
    const bytes = encodeRoute({ ...GATEWAY, nextHops: [...GATEWAY.nextHops, ...GATEWAY.nextHops] });
    const at = Buffer.from(bytes).indexOf(Buffer.from('1000000003000000', 'hex'));
    expect(at).toBeGreaterThan(0);
    expect(decodeRoute(bytes.with(at, 7))).toBeInstanceOf(Malformed);
    expect(decodeRoute(bytes.with(at, 255))).toBeInstanceOf(Malformed);
  });

  it('refuses numbers that do not fit', () => {
    const hop = { via: ip('10.1.1.9'), weight: 257 };
    expect(() => encodeRoute({ ...GATEWAY, nextHops: [hop, hop] })).toThrow(RangeError);
    expect(() => encodeRoute({ ...GATEWAY, metric: -1 })).toThrow(RangeError);
    expect(() => encodeRoute({ ...GATEWAY, scope: 256 })).toThrow(RangeError);
  });
});

describe('a rule', () => {
  const rule: RuleEntry = {
    family: 'ipv4',
    priority: 100,
    from: prefix('10.1.1.254', 32),
    action: { table: 1000 },
    protocol: 112,
  };

  it('in the bytes of rtnetlink: header, protocol, table, priority, source', () =>
    expect(hex(encodeRule(rule))).toBe(
      '0200200000000001' +
        '00000000' +
        '0500150070000000' +
        '08000f00e8030000' +
        '0800060064000000' +
        '080002000a0101fe',
    ));

  it('with an action that no configuration names is left out', () =>
    expect(decodeRule(encodeRule(rule).with(7, 2))).toBeUndefined());

  it('refuses a port that is none', () =>
    expect(() => encodeRule({ ...rule, sourcePort: { first: 80, last: 65536 } })).toThrow(RangeError));
});

describe('an address', () => {
  it('with label and scope', () => {
    const bytes = encodeNewAddress(
      3,
      { ...prefix('10.1.1.254', 24), label: 'v0:1', scope: 'link' },
      'forever',
    );
    expect(bytes[3]).toBe(253);
    expect(hex(bytes)).toContain(`09000300${Buffer.from('v0:1\0').toString('hex')}`);
  });

  it('of IPv6 is deprecated unless it is to be preferred, and has neither label nor scope', () => {
    const six = { ...prefix('fd00::fe', 64), label: 'x', scope: 'host' } as const;
    const deprecated = encodeNewAddress(3, six, 'forever');
    expect(deprecated[3]).toBe(0);
    expect(hex(deprecated)).toContain('1400060000000000ffffffff');
    expect(hex(deprecated)).not.toContain('06000300');
    expect(hex(encodeNewAddress(3, { ...six, preferred: true }, 'forever'))).toContain('ffffffffffffffff');
  });
});

it('a sync daemon has an id, which is never 0', () => {
  for (const syncId of [256, 1.5, -1])
    expect(() => encodeNewDaemon({ role: 'backup', interface: 'eth0', syncId })).toThrow(
      `sync id ${syncId} is not 0 to 255`,
    );
});
