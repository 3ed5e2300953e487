import { describe, expect, it } from 'vitest';
import { isRoute, isRule, routeText, ruleText } from '../../../src/kernel/route-text.ts';
import type { IpAddress, Prefix } from '../../../src/model/address.ts';
import type { RouteSpec, RuleSpec } from '../../../src/model/routes.ts';

const ip = (text: string) => text as IpAddress;
const prefix = (address: string, length: number): Prefix => ({ address: ip(address), length });
const gateway: RouteSpec = { family: 'ipv4', destination: 'default', nextHops: [{ via: ip('10.1.1.9') }] };
const six: RouteSpec = { family: 'ipv6', destination: prefix('fd09::', 48), nextHops: [{ device: 'eth0' }] };

describe('a route', () => {
  it('in words', () => {
    expect(routeText(gateway)).toBe('default (ipv4) via 10.1.1.9');
    expect(
      routeText({
        ...six,
        nextHops: [{ via: ip('fd00::9'), weight: 2 }, { device: 'eth1' }],
        source: ip('fd00::1'),
        table: 100,
        metric: 5,
      }),
    ).toBe('fd09::/48 nexthop via fd00::9 weight 2 nexthop dev eth1 src fd00::1 table 100 metric 5');
    expect(routeText({ ...gateway, type: 'prohibit', nextHops: [] })).toBe('prohibit default (ipv4)');
  });

  it('is the one that was asked for, with what the kernel chose', () => {
    const held = {
      ...gateway,
      nextHops: [{ via: ip('10.1.1.9'), device: 'eth0' }],
      table: 254,
      scope: 'global',
    };
    expect(isRoute(held as RouteSpec, gateway)).toBe(true);
    expect(isRoute({ ...six, metric: 1024, type: 'unicast' }, six)).toBe(true);
    expect(
      isRoute(
        { ...six, type: 'blackhole', nextHops: [{ device: 'lo' }] },
        { ...six, type: 'blackhole', nextHops: [] },
      ),
    ).toBe(true);
    expect(isRoute(six, { ...six, destination: prefix('fd09::1', 48) })).toBe(true);
    expect(isRoute(gateway, { ...gateway, destination: prefix('0.0.0.0', 0) })).toBe(true);
  });

  it.each<Partial<RouteSpec>>([
    { table: 7 },
    { metric: 7 },
    { mtu: 1400 },
    { onlink: true },
    { scope: 'link' },
    { source: ip('10.1.1.1') },
    { type: 'blackhole' },
    { destination: prefix('10.0.0.0', 8) },
    { nextHops: [{ via: ip('10.1.1.8') }] },
    { nextHops: [{ via: ip('10.1.1.9'), device: 'eth1' }] },
    { nextHops: [...gateway.nextHops, ...gateway.nextHops] },
    { nextHops: [] },
  ])('is another with %j', (change) => expect(isRoute(gateway, { ...gateway, ...change })).toBe(false));
});

describe('a rule', () => {
  const rule: RuleSpec = {
    family: 'ipv4',
    priority: 100,
    from: prefix('10.1.1.254', 32),
    fwmark: { mark: 7 },
    action: { table: 1000 },
  };

  it('in words', () => {
    expect(ruleText(rule)).toBe('ipv4 priority 100 from 10.1.1.254/32 fwmark 0x7 table 1000');
    expect(
      ruleText({ family: 'ipv6', not: true, destinationPort: { first: 1, last: 2 }, action: 'prohibit' }),
    ).toBe('ipv6 not from all dport 1-2 to be prohibit');
  });

  it('is the one that was asked for, whatever its priority where that was left open', () => {
    const { priority: _, ...open } = rule;
    expect(isRule({ ...rule, fwmark: { mark: 7, mask: 0xffffffff } }, rule)).toBe(true);
    expect(isRule(rule, open)).toBe(true);
  });

  it.each<Partial<RuleSpec>>([
    { priority: 101 },
    { from: prefix('10.1.1.254', 31) },
    { to: prefix('10.1.1.254', 32) },
    { iif: 'eth0' },
    { fwmark: { mark: 7, mask: 7 } },
    { tos: 16 },
    { not: true },
    { sourcePort: { first: 1, last: 1 } },
    { action: { table: 1001 } },
    { action: 'blackhole' },
  ])('is another with %j', (change) => expect(isRule(rule, { ...rule, ...change })).toBe(false));
});
