/**
 * Runs in a network namespace of its own, with two links v0 (10.1.1.1/24, fd00::1/64) and v1 joined to each other:
 * labels and scopes of addresses, routes, rules, and their notices. Prints one line of JSON for each case.
 */
import assert from 'node:assert/strict';
import { execFileSync, execSync } from 'node:child_process';
import { openAddresses } from '../../src/kernel/addresses.ts';
import { openLinks } from '../../src/kernel/links.ts';
import { isRoute, openRoutes } from '../../src/kernel/routes.ts';
import { isRule, openRules } from '../../src/kernel/rules.ts';
import { type NetworkEvent, type RoutingEvent, watchNetwork } from '../../src/kernel/watch.ts';
import type { IpAddress, Prefix } from '../../src/model/address.ts';
import type { RouteSpec, RuleSpec } from '../../src/model/routes.ts';
import { seconds } from '../../src/model/units.ts';
import { Reactor } from '../../src/sys/reactor.ts';
import { ROUTING_CASES } from './kernel-network-routing-names.ts';
import { EventLog } from './support/event-log.ts';

const ip = (command: string): string => execSync(`ip ${command}`, { encoding: 'utf8' });
const address = (text: string): IpAddress => text as IpAddress;
const prefix = (text: string): Prefix => {
  const [where = '', length] = text.split('/');
  return { address: address(where), length: Number(length) };
};
const four = (destination: string, more: Partial<RouteSpec>): RouteSpec => ({
  family: 'ipv4',
  destination: destination === 'default' ? 'default' : prefix(destination),
  nextHops: [{ via: address('10.1.1.9') }],
  ...more,
});
const six = (destination: string, more: Partial<RouteSpec>): RouteSpec => ({
  family: 'ipv6',
  destination: destination === 'default' ? 'default' : prefix(destination),
  nextHops: [{ via: address('fd00::9') }],
  ...more,
});

const reactor = new Reactor();
const events = new EventLog<NetworkEvent | RoutingEvent>();
const watch = watchNetwork(reactor, (event) => events.push(event), {
  onRouting: (event) => events.push(event),
});
/** Those of routes and rules: of a link, and of the address that it makes for itself, the kernel tells when it comes to it. */
const isRouting = (event: NetworkEvent | RoutingEvent): boolean => /^(route|rule|overrun)/.test(event.kind);
const addresses = openAddresses();
const links = openLinks();
const routes = openRoutes();
const rules = openRules();

const EVERY_ROUTE: readonly RouteSpec[] = [
  four('default', {}),
  four('10.9.0.0/16', { table: 1000, metric: 5, mtu: 1400, source: address('10.1.1.1') }),
  four('10.10.0.0/16', {
    nextHops: [
      { via: address('10.1.1.9'), weight: 3 },
      { via: address('10.1.1.8'), device: 'v0', weight: 256 },
    ],
  }),
  four('10.11.0.0/16', { nextHops: [{ via: address('fd00::9'), device: 'v0' }] }),
  four('10.12.0.0/16', { nextHops: [{ device: 'v0' }], scope: 'link' }),
  four('10.13.0.0/16', { type: 'blackhole', nextHops: [] }),
  four('10.14.0.0/16', { nextHops: [{ via: address('192.0.2.1'), device: 'v0' }], onlink: true }),
  four('10.15.0.0/16', { type: 'prohibit', nextHops: [] }),
  six('fd99::/48', { nextHops: [{ via: address('fd00::9') }, { via: address('fd00::8'), weight: 2 }] }),
  six('default', { metric: 10, nextHops: [{ via: address('fd00::9'), device: 'v0' }] }),
  six('fd98::/48', { type: 'unreachable', nextHops: [] }),
  six('fd97::/48', { source: address('fd00::1'), table: 100_000, mtu: 1300 }),
];
const EVERY_RULE: readonly RuleSpec[] = [
  { family: 'ipv4', priority: 100, from: prefix('10.1.1.254/32'), action: { table: 1000 } },
  {
    family: 'ipv4',
    priority: 101,
    to: prefix('10.2.0.0/16'),
    iif: 'v0',
    oif: 'later0',
    fwmark: { mark: 7, mask: 0xff },
    tos: 16,
    ipProtocol: 6,
    sourcePort: { first: 80, last: 80 },
    destinationPort: { first: 1000, last: 2000 },
    action: 'prohibit',
  },
  { family: 'ipv6', from: prefix('fd00::fe/128'), action: { table: 100_000 } },
  { family: 'ipv6', priority: 33, not: true, fwmark: { mark: 1 }, action: 'blackhole' },
  { family: 'ipv4', priority: 102, action: 'unreachable' },
];
const ours = (): string[] =>
  (ip('-4 route show table all proto 112') + ip('-6 route show table all proto 112'))
    .split('\n')
    .filter((line) => line !== '');

const cases: Readonly<Record<(typeof ROUTING_CASES)[number], (v0: number) => void | Promise<void>>> = {
  'an address with label and scope, renewed and removed': async (v0) => {
    const vip = { ...prefix('10.1.2.254/24'), label: 'v0:vip', scope: 'link' } as const;
    assert.deepEqual(addresses.put(v0, [vip], seconds(60)), []);
    const shown = /inet 10\.1\.2\.254\/24 scope link dynamic v0:vip/;
    assert.match(ip('addr show dev v0'), shown);
    addresses.renew(v0, [vip], seconds(300), ({ error }) => assert.fail(error));
    await addresses.settled();
    assert.match(ip('addr show dev v0'), shown);
    assert.doesNotMatch(ip('addr show dev v0 to 10.1.2.254'), /valid_lft [1-6]\d?sec/);
    assert.deepEqual(addresses.remove(v0, [vip]), []);
    assert.equal(ip('addr show dev v0 to 10.1.2.254'), '');
    const [refused] = addresses.put(v0, [{ ...vip, label: 'sixteen-letters!' }], 'forever');
    assert.match(refused?.error.message ?? '', /10\.1\.2\.254\/24/);
  },
  'an IPv6 VIP is deprecated, stays so when it is renewed, and is no source of other connections': async (
    v0,
  ) => {
    const vips = [prefix('fd00::9999/64'), prefix('fd00::fe/128')];
    addresses.put(v0, vips, seconds(60));
    for (let round = 0; round < 2; round++) {
      const shown = ip('-6 addr show dev v0');
      for (const vip of ['fd00::9999/64', 'fd00::fe/128'])
        assert.match(shown, new RegExp(`${vip} scope global nodad deprecated dynamic`));
      // Without this the longer common prefix would decide for it.
      assert.match(ip('route get fd00::9998'), / src fd00::1 /);
      addresses.renew(v0, vips, seconds(600), ({ error }) => assert.fail(error));
      await addresses.settled();
    }
    assert.match(ip('-6 addr show dev v0 to fd00::9999'), /valid_lft (59\d|600)sec preferred_lft 0sec/);
    addresses.put(v0, [{ ...prefix('fd00::9999/64'), preferred: true }], seconds(600));
    assert.doesNotMatch(ip('-6 addr show dev v0 to fd00::9999'), /deprecated/);
    addresses.remove(v0, vips);
  },
  '255 IPv6 addresses, put, renewed and removed': (v0) => {
    const many = Array.from({ length: 255 }, (_, i) => prefix(`fd00:0:0:1::${(i + 1).toString(16)}/64`));
    const took = (what: () => void): string => {
      const start = performance.now();
      what();
      return `${(performance.now() - start).toFixed(1)} ms`;
    };
    const put = took(() => assert.deepEqual(addresses.put(v0, many, seconds(60)), []));
    const again = took(() => assert.deepEqual(addresses.put(v0, many, seconds(60)), []));
    assert.equal(ip('-6 addr show dev v0 deprecated').match(/inet6/g)?.length, 255);
    const removed = took(() => assert.deepEqual(addresses.remove(v0, many), []));
    assert.equal(ip('-6 addr show dev v0 deprecated'), '');
    console.error(`255 IPv6 addresses: put in ${put}, again in ${again}, removed in ${removed}`);
  },
  'routes of every kind: put, put again, listed as asked, removed, and gone': () => {
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(routes.put(EVERY_ROUTE), []);
      const own = routes.listOwn();
      assert.equal(own.length, EVERY_ROUTE.length);
      for (const spec of EVERY_ROUTE)
        assert.equal(own.filter((held) => isRoute(held, spec)).length, 1, JSON.stringify(spec));
    }
    const shown = ours().join('\n');
    assert.match(
      shown,
      /10\.9\.0\.0\/16 via 10\.1\.1\.9 dev v0 table 1000 src 10\.1\.1\.1 metric 5 mtu 1400/,
    );
    assert.match(shown, /10\.11\.0\.0\/16 via inet6 fd00::9 dev v0/);
    assert.match(shown, /via 10\.1\.1\.8 dev v0 weight 256/);
    assert.match(shown, /10\.14\.0\.0\/16 via 192\.0\.2\.1 dev v0 onlink/);
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(routes.remove(EVERY_ROUTE), []);
      assert.deepEqual(ours(), []);
    }
  },
  'a route of somebody else to the same destination is shadowed, not replaced, not removed': () => {
    ip('route add default via 10.1.1.3');
    const ourDefault = four('default', {});
    assert.deepEqual(routes.put([ourDefault]), []);
    assert.match(ip('route get 10.50.0.1'), /via 10\.1\.1\.9/);
    assert.deepEqual(routes.remove([ourDefault]), []);
    assert.match(ip('route get 10.50.0.1'), /via 10\.1\.1\.3/);
    assert.deepEqual(routes.remove([four('default', { nextHops: [{ via: address('10.1.1.3') }] })]), []);
    assert.match(ip('route show default'), /via 10\.1\.1\.3/);
  },
  'an IPv6 route of somebody else: refused; of ours: replaced': () => {
    ip('route add fd77::/64 via fd00::3');
    const [refused] = routes.put([six('fd77::/64', {})]);
    assert.match(refused?.error.message ?? '', /fd77::\/64 via fd00::9: .*EEXIST.*metric of its own/);
    assert.deepEqual(routes.put([six('fd77::/64', { metric: 10 })]), []);
    assert.deepEqual(
      routes.put([six('fd77::/64', { metric: 10, nextHops: [{ via: address('fd00::8') }] })]),
      [],
    );
    assert.match(ip('-6 route show proto 112'), /^fd77::\/64 via fd00::8 dev v0 metric 10/);
    for (const each of routes.listOwn()) routes.remove([each]);
    assert.match(ip('route get fd77::1'), /via fd00::3/);
  },
  'one route of many that is refused stops no other, and is named': () => {
    const good = [four('10.20.0.0/16', {}), six('fd20::/64', {})];
    const refused = routes.put([
      four('10.21.0.0/16', { nextHops: [{ via: address('10.77.0.1') }] }),
      ...good,
      four('10.22.0.0/16', { nextHops: [{ device: 'nix0' }] }),
      four('10.23.0.1/16', {}),
    ]);
    assert.deepEqual(refused.map(({ error }) => error.message.replace(/: .*?(\(|;)/, ' $1')).sort(), [
      'put route 10.21.0.0/16 via 10.77.0.1 (ENETUNREACH): Nexthop has invalid gateway',
      'put route 10.23.0.1/16 via 10.1.1.9 (EINVAL): Invalid prefix for given prefix length',
      'use route 10.22.0.0/16 dev nix0 (ENODEV); there is no link nix0',
    ]);
    assert.equal(ours().length, 2);
    assert.deepEqual(routes.remove([...good, four('10.22.0.0/16', { nextHops: [{ device: 'nix0' }] })]), []);
  },
  'a route is put again after its link was down': () => {
    const route = four('10.24.0.0/16', {});
    assert.deepEqual(routes.put([route]), []);
    ip('link set v0 down');
    assert.deepEqual(ours(), []);
    assert.match(routes.put([route])[0]?.error.message ?? '', /10\.24\.0\.0\/16/);
    ip('link set v0 up');
    assert.deepEqual(routes.put([route]), []);
    assert.equal(ours().length, 1);
  },
  'what another process of ours left is found and removed': () => {
    routes.put(EVERY_ROUTE);
    rules.put(EVERY_RULE);
    const later = { routes: openRoutes(), rules: openRules() };
    assert.deepEqual(later.routes.remove(later.routes.listOwn()), []);
    assert.deepEqual(later.rules.remove(later.rules.listOwn()), []);
    assert.deepEqual(ours(), []);
    assert.doesNotMatch(ip('rule show') + ip('-6 rule show'), /proto 112/);
    later.routes.close();
    later.rules.close();
  },
  'rules of every kind: put, put again, listed as asked, removed, and gone': () => {
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(rules.put(EVERY_RULE), []);
      const own = rules.listOwn();
      assert.equal(own.length, EVERY_RULE.length);
      for (const spec of EVERY_RULE)
        assert.equal(own.filter((held) => isRule(held, spec)).length, 1, JSON.stringify(spec));
    }
    assert.match(
      ip('rule show'),
      /101:\tfrom all to 10\.2\.0\.0\/16 tos 0x10 fwmark 0x7\/0xff iif v0 oif later0 \[detached\] ipproto tcp sport 80 dport 1000-2000 prohibit proto 112/,
    );
    for (let round = 0; round < 2; round++) assert.deepEqual(rules.remove(EVERY_RULE), []);
    assert.deepEqual(rules.listOwn(), []);
  },
  'a rule of somebody else that is the same stays': () => {
    ip('rule add pref 100 from 10.1.1.254 table 1000');
    const rule = EVERY_RULE.slice(0, 1);
    assert.deepEqual(rules.put(rule), []);
    assert.deepEqual(rules.remove(rule), []);
    assert.match(ip('rule show'), /^100:\tfrom 10\.1\.1\.254 lookup 1000 *$/m);
    ip('rule del pref 100');
  },
  'notices of our routes and rules, in order': async () => {
    const since = events.mark;
    ip(
      'route add 10.30.0.0/16 via 10.1.1.9; ip route del 10.30.0.0/16; ip rule add pref 9 table 9; ip rule del pref 9',
    );
    routes.put([four('10.31.0.0/16', {}), six('fd31::/64', {})]);
    rules.put(EVERY_RULE.slice(0, 1));
    ip('route del 10.31.0.0/16; ip -6 route del fd31::/64; ip rule del pref 100');
    await events.waitFor(({ kind }) => kind === 'rule-gone', { since });
    const heard = events.all.slice(since).filter(isRouting);
    const told = heard.map((event) => {
      if ('route' in event) return `${event.kind} ${JSON.stringify(event.route.destination)}`;
      return 'rule' in event ? `${event.kind} ${event.rule.priority}` : event.kind;
    });
    const [a, b] = ['{"address":"10.31.0.0","length":16}', '{"address":"fd31::","length":64}'];
    assert.deepEqual(told, [
      ...[`route ${a}`, `route ${b}`, 'rule 100'],
      ...[`route-gone ${a}`, `route-gone ${b}`, 'rule-gone 100'],
    ]);
  },
  'forty thousand changes of others’ routes wake nobody and lose nothing': async () => {
    const since = events.mark;
    // More than the queue holds, in one go: nobody here reads it meanwhile.
    const batch = Array.from(
      { length: 20_000 },
      (_, i) => `10.${64 + (i >> 8)}.${i & 255}.0/24 via 10.1.1.9`,
    );
    const lines = ['add', 'del'].flatMap((verb) => batch.map((each) => `route ${verb} ${each}`));
    execFileSync('ip', ['-batch', '-'], { input: lines.join('\n') });
    routes.put([four('10.31.0.0/16', {})]);
    const first = await events.waitFor(isRouting, { since });
    assert.equal(first.kind, 'route');
  },
};

ip('link set lo up');
for (const name of ROUTING_CASES) {
  ip('link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up');
  ip('addr add 10.1.1.1/24 dev v0; ip addr add fd00::1/64 dev v0 nodad');
  const index = links.list().find((each) => each.name === 'v0')?.index ?? 0;
  await events.waitFor((event) => event.kind === 'address' && event.prefix.address === 'fd00::1', {
    since: events.mark,
  });
  let error: string | undefined;
  try {
    await cases[name](index);
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  routes.remove(routes.listOwn());
  rules.remove(rules.listOwn());
  ip('link del v0');
  await events.waitFor((event) => event.kind === 'link-gone' && event.index === index);
  console.log(JSON.stringify({ name, error }));
}
watch.close();
reactor.close();
for (const each of [addresses, links, routes, rules]) each.close();
