/**
 * Runs in a network namespace of its own, with two links v0 and v1 joined to each other: addresses, links and their
 * notices. Prints one line of JSON for each case: its name, and the error or undefined.
 */
import assert from 'node:assert/strict';
import { execSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import {
  type Addresses,
  type AddressRefusal,
  type Lifetime,
  openAddresses,
} from '../../src/kernel/addresses.ts';
import { isKernelError } from '../../src/kernel/kernel-error.ts';
import { type Link, openLinks } from '../../src/kernel/links.ts';
import { type NetworkEvent, watchNetwork } from '../../src/kernel/watch.ts';
import { formatPrefix, type IpAddress, type Prefix } from '../../src/model/address.ts';
import { seconds } from '../../src/model/units.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../../src/sys/netlink-socket.ts';
import { Reactor } from '../../src/sys/reactor.ts';
import { NETWORK_CASES } from './kernel-network-names.ts';
import { EventLog } from './support/event-log.ts';

const ip = (command: string): string => execSync(`ip ${command}`, { encoding: 'utf8' });
const prefix = (address: string, length: number): Prefix => ({ address: address as IpAddress, length });
const VIP = prefix('10.1.1.254', 24);
const routes = (): string[] =>
  ip('-4 route show dev v0')
    .split('\n')
    .filter((line) => line !== '');
const CONNECTED = /^10\.1\.1\.0\/24 .*src 10\.1\.1\.1 *$/;

const reactor = new Reactor();
const events = new EventLog<NetworkEvent>();
const watch = watchNetwork(reactor, (event) => events.push(event));
const links = openLinks();
const addresses: Addresses = openAddresses();

const link = (name: string): Link => {
  const found = links.list().find((each) => each.name === name);
  assert.ok(found, `no link ${name}`);
  return found;
};
const held = (index: number): string[] =>
  addresses.list(index).map((each) => `${formatPrefix(each.prefix)}${each.secondary ? ' secondary' : ''}`);
/** v4 only: the kernel gives links IPv6 addresses of its own. */
const held4 = (index: number): string[] =>
  held(index)
    .filter((each) => !each.includes(':'))
    .sort();
/** Of one address, that of the test: throws what the kernel has against it. */
const put = (index: number, one: Prefix, lifetime: Lifetime): void =>
  throwFirst(addresses.put(index, [one], lifetime));
const remove = (index: number, one: Prefix): void => throwFirst(addresses.remove(index, [one]));
const throwFirst = ([refusal]: readonly AddressRefusal[]): void => {
  if (refusal !== undefined) throw refusal.error;
};
const promote = (value: 0 | 1): void => {
  for (const where of ['all', 'v0'])
    writeFileSync(`/proc/sys/net/ipv4/conf/${where}/promote_secondaries`, `${value}`);
};

const cases: Readonly<Record<(typeof NETWORK_CASES)[number], (v0: number) => void | Promise<void>>> = {
  'links: name, state, MAC address, MTU and loopback': () => {
    ip('link set v0 address 02:00:00:00:00:01 mtu 1400');
    const { index, ...v0 } = link('v0');
    assert.ok(index > 1);
    assert.deepEqual(v0, {
      name: 'v0',
      mac: '02:00:00:00:00:01',
      up: true,
      running: true,
      mtu: 1400,
      loopback: false,
    });
    assert.deepEqual(link('lo'), { ...link('lo'), loopback: true, mac: undefined, index: 1 });
    ip('link set v1 down');
    assert.deepEqual({ up: link('v0').up, running: link('v0').running }, { up: true, running: false });
  },
  'a lifetime is renewed without a gap': async (v0) => {
    const since = events.mark;
    put(v0, VIP, seconds(50));
    for (let i = 0; i < 50; i++) put(v0, VIP, seconds(300));
    put(v0, VIP, 'forever');
    const last = await events.waitFor(
      (event) =>
        event.kind === 'address' && event.lifetime === 'forever' && event.prefix.address === VIP.address,
      { since },
    );
    assert.ok(last);
    assert.equal(
      events.all.slice(since).some(({ kind }) => kind === 'address-gone'),
      false,
    );
    assert.deepEqual(
      addresses
        .list(v0)
        .filter((each) => each.prefix.address === VIP.address)
        .map((each) => each.lifetime),
      ['forever'],
    );
  },
  'that a lifetime was renewed is not told, and that it has no end any more is': async (v0) => {
    const both = [VIP, prefix('2001:db8::254', 128)];
    const of = (one: Prefix, lifetime: (one: Lifetime) => boolean) => (event: NetworkEvent) =>
      event.kind === 'address' && event.prefix.address === one.address && lifetime(event.lifetime);
    for (const one of both) {
      const since = events.mark;
      put(v0, one, seconds(50));
      await events.waitFor(
        of(one, (lifetime) => lifetime === 50),
        { since },
      );
      // The kernel's stamps count hundredths of a second: what is renewed in the one that it was made in looks new.
      const made = performance.now();
      while (performance.now() < made + 30) put(v0, one, seconds(50));
      for (let i = 0; i < 20; i++) put(v0, one, seconds(77));
      put(v0, one, 'forever');
      await events.waitFor(
        of(one, (lifetime) => lifetime === 'forever'),
        { since },
      );
      const renewals = events.all.slice(since).filter(of(one, (lifetime) => Number(lifetime) > 70));
      assert.deepEqual(renewals, []);
      remove(v0, one);
    }
  },
  'a renewal in another thread renews, and tells of a refusal': async (v0) => {
    put(v0, VIP, seconds(5));
    const refused: string[] = [];
    const onRefused = ({ error }: AddressRefusal) => refused.push(error.message);
    addresses.renew(v0, [VIP], seconds(300), onRefused);
    addresses.renew(99_999, [VIP], seconds(300), onRefused);
    await addresses.settled();
    const lifetimes = addresses
      .list(v0)
      .flatMap(({ prefix: { address }, lifetime }) => (address === VIP.address ? [lifetime] : []));
    assert.ok(Number(lifetimes[0]) > 290, `renewed to ${lifetimes}`);
    assert.equal(refused.length, 1);
    assert.match(refused[0] ?? '', /10\.1\.1\.254\/24 on link 99999: .*ENODEV/);
    const other = openAddresses();
    other.renew(v0, [VIP], seconds(200), onRefused);
    other.close();
    // Closed all the same, and the call under way has had its descriptor to the end.
    await other.settled();
    assert.ok(
      Number(addresses.list(v0).find(({ prefix }) => prefix.address === VIP.address)?.lifetime) <= 200,
    );
  },
  'a renewal that the kernel does after the removal does not bring the address back': async (v0) => {
    const socket = openNetlinkSocket(NETLINK_ROUTE);
    const held: (() => void)[] = [];
    const late = openAddresses(undefined, {
      send: (bytes) => socket.send(bytes),
      sendInBackground: (bytes, done) => held.push(() => socket.sendInBackground(bytes, done)),
      receive: () => socket.receive(),
      close: () => socket.close(),
    });
    const since = events.mark;
    late.put(v0, [VIP], seconds(5));
    late.renew(v0, [VIP], seconds(30), ({ error }) => assert.fail(error));
    late.remove(v0, [VIP]);
    assert.deepEqual(held4(v0), []);
    assert.equal(held.length, 1);
    for (const send of held) send();
    await late.settled();
    assert.deepEqual(held4(v0), []);
    // The kernel did put it back in between, so there was something to remove.
    await events.waitFor((event) => event.kind === 'address' && event.lifetime === seconds(30), { since });
    late.close();
  },
  'the kernel removes the address when its lifetime is over, and tells': async (v0) => {
    const since = events.mark;
    put(v0, VIP, seconds(1));
    await gone(VIP, since);
    assert.deepEqual(held4(v0), []);
  },
  'a lifetime of nothing is refused, and the error names the address': (v0) => {
    assert.throws(
      () => put(v0, VIP, seconds(0)),
      (error) => isKernelError(error, 'EINVAL') && error.message.includes('10.1.1.254/24'),
    );
  },
  'an address on a link that is not there: refused, not removed, none listed': () => {
    assert.throws(
      () => put(99_999, VIP, seconds(5)),
      (error) => isKernelError(error, 'ENODEV'),
    );
    remove(99_999, VIP);
    assert.deepEqual(addresses.list(99_999), []);
  },
  'removed once, then not there': (v0) => {
    put(v0, VIP, 'forever');
    remove(v0, VIP);
    assert.deepEqual(held4(v0), []);
    remove(v0, VIP);
  },
  'two lengths of the same address are two, and each is removed alone': (v0) => {
    put(v0, VIP, 'forever');
    put(v0, prefix('10.1.1.254', 32), 'forever');
    assert.deepEqual(held4(v0), ['10.1.1.254/24', '10.1.1.254/32']);
    remove(v0, VIP);
    assert.deepEqual(held4(v0), ['10.1.1.254/32']);
  },
  'a VIP beside the link’s own address goes and leaves it and its route': (v0) => {
    ip('addr add 10.1.1.1/24 dev v0');
    put(v0, VIP, 'forever');
    assert.deepEqual(held4(v0), ['10.1.1.1/24', '10.1.1.254/24 secondary']);
    remove(v0, VIP);
    assert.deepEqual(held4(v0), ['10.1.1.1/24']);
    assert.match(routes().join('\n'), CONNECTED);
  },
  'a VIP that came first goes and leaves the link’s own address, its route and a default route': (v0) => {
    promote(0);
    put(v0, VIP, 'forever');
    ip('addr add 10.1.1.1/24 dev v0');
    ip('route add default via 10.1.1.9');
    assert.deepEqual(held4(v0), ['10.1.1.1/24 secondary', '10.1.1.254/24']);
    remove(v0, VIP);
    assert.deepEqual(held4(v0), ['10.1.1.1/24']);
    assert.ok(
      routes().some((route) => CONNECTED.test(route)),
      routes().join('\n'),
    );
    assert.ok(
      routes().some((route) => route.startsWith('default via 10.1.1.9')),
      routes().join('\n'),
    );
  },
  'a VIP that came first and whose lifetime ends leaves the link’s own address': async (v0) => {
    promote(0);
    const since = events.mark;
    put(v0, VIP, seconds(1));
    ip('addr add 10.1.1.1/24 dev v0');
    await gone(VIP, since);
    assert.deepEqual(held4(v0), ['10.1.1.1/24']);
    assert.ok(
      routes().some((route) => CONNECTED.test(route)),
      routes().join('\n'),
    );
  },
  'a VIP outlives the link’s own address': (v0) => {
    promote(0);
    ip('addr add 10.1.1.1/24 dev v0');
    put(v0, VIP, 'forever');
    ip('addr del 10.1.1.1/24 dev v0');
    assert.deepEqual(held4(v0), ['10.1.1.254/24']);
  },
  'a VIP that is the only address of its network brings and takes the route': (v0) => {
    put(v0, VIP, 'forever');
    assert.equal(routes().length, 1);
    remove(v0, VIP);
    assert.deepEqual(routes(), []);
  },
  'IPv6: usable at once, renewed, removed': (v0) => {
    const six = prefix('fd00::fe', 64);
    put(v0, six, seconds(60));
    assert.doesNotMatch(ip('-6 addr show dev v0 to fd00::fe'), /tentative/);
    put(v0, six, 'forever');
    const found = addresses.list(v0).filter((each) => each.prefix.address === 'fd00::fe');
    assert.deepEqual(
      found.map((each) => each.lifetime),
      ['forever'],
    );
    remove(v0, six);
    assert.equal(
      addresses.list(v0).some((each) => each.prefix.address === 'fd00::fe'),
      false,
    );
    remove(v0, six);
  },
  'IPv6: a VIP that was left for ever is leased, and leaves the link its network': (v0) => {
    const six = prefix('fd00:7::fe', 64);
    ip('-6 addr add fd00:7::1/64 dev v0 nodad');
    ip('-6 addr add fd00:7::fe/64 dev v0 nodad');
    put(v0, six, seconds(60));
    const found = addresses.list(v0).filter((each) => each.prefix.address === six.address);
    assert.deepEqual(
      found.map(({ lifetime }) => lifetime !== 'forever' && lifetime <= 60),
      [true],
    );
    put(v0, six, seconds(60));
    const network = () => ip('-6 route show fd00:7::/64 dev v0');
    assert.doesNotMatch(network(), /expires/);
    remove(v0, six);
    assert.match(network(), /^fd00:7::\/64 /);
  },
  'IPv6: an address that may be a duplicate is not there until the kernel has looked': async (v0) => {
    const isHeld = () => addresses.list(v0).some((each) => each.prefix.address === 'fe80::77');
    const since = events.mark;
    const isOurs = (event: NetworkEvent) => event.kind === 'address' && event.prefix.address === 'fe80::77';
    // Without a carrier it does not begin to look.
    ip('link set v1 down');
    ip('-6 addr add fe80::77/64 dev v0');
    assert.equal(isHeld(), false);
    await events.waitFor(isOurs, { since });
    ip('link set v1 up');
    // The kernel tells of it once more when it has looked.
    while (!isHeld()) await events.waitFor(isOurs, { since: events.mark });
    assert.doesNotMatch(ip('-6 addr show dev v0 to fe80::77'), /tentative/);
  },
  'one of many that is refused stops no other, and is named': (v0) => {
    const many = Array.from({ length: 255 }, (_, i) => prefix(`10.9.0.${i}`, 24));
    const multicast = prefix('ff02::1', 128);
    const refused = addresses.put(v0, many.toSpliced(100, 0, multicast), seconds(600));
    assert.deepEqual(
      refused.map((each) => each.prefix),
      [multicast],
    );
    assert.match(String(refused[0]?.error.message), /ff02::1\/128/);
    assert.equal(held4(v0).length, 255);
    assert.deepEqual(addresses.remove(v0, [...many, multicast]), []);
    assert.deepEqual(held4(v0), []);
  },
  'two thousand addresses, listed': (v0) => {
    const many = Array.from({ length: 2000 }, (_, i) => prefix(`10.9.${i >> 8}.${i & 255}`, 32));
    assert.deepEqual(addresses.put(v0, many, seconds(600)), []);
    assert.equal(held4(v0).length, 2000);
    assert.equal(new Set(addresses.list().map((each) => formatPrefix(each.prefix))).size >= 2000, true);
  },
  'notices: a link that goes down, is renamed, leaves a bridge, and ends': async (v0) => {
    const since = events.mark;
    ip('link set v1 down');
    await events.waitFor((event) => event.kind === 'link' && event.link.index === v0 && !event.link.running, {
      since,
    });
    ip(
      'link add bridge0 type bridge; ip link set v1 master bridge0; ip link set v1 nomaster; ip link del bridge0',
    );
    ip('link set v1 name v9');
    await events.waitFor((event) => event.kind === 'link' && event.link.name === 'v9', { since });
    assert.deepEqual(
      events.all
        .slice(since)
        .filter((event) => event.kind === 'link-gone')
        .map((event) => event.name),
      ['bridge0'],
    );
    ip('link del v0');
    await events.waitFor((event) => event.kind === 'link-gone' && event.index === v0 && event.name === 'v0', {
      since,
    });
  },
  'notices: an overrun is told, and those after it are heard': async (v0) => {
    const since = events.mark;
    // More than the queue holds, while nobody reads it. Of an address without an end each is told.
    for (let i = 0; i < 40_000; i++) put(v0, VIP, 'forever');
    await events.waitFor(({ kind }) => kind === 'overrun', { since });
    // The queue is still full: this is lost as well, and told by the second overrun.
    remove(v0, VIP);
    const first = events.mark;
    await events.waitFor(({ kind }) => kind === 'overrun', { since: first });
    assert.deepEqual(held4(v0), []);
    const later = events.mark;
    put(v0, VIP, 'forever');
    remove(v0, VIP);
    await gone(VIP, later);
  },
};

const gone = (of: Prefix, since: number): Promise<NetworkEvent> =>
  events.waitFor(
    (event) => event.kind === 'address-gone' && formatPrefix(event.prefix) === formatPrefix(of),
    { since },
  );

ip('link set lo up');
for (const name of NETWORK_CASES) {
  ip('link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up');
  const { index } = link('v0');
  let error: string | undefined;
  try {
    await cases[name](index);
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  // All that the case caused has been heard once its link has gone.
  execSync('ip link del v0 2>/dev/null || true');
  await events.waitFor((event) => event.kind === 'link-gone' && event.index === index);
  console.log(JSON.stringify({ name, error }));
}
watch.close();
reactor.close();
links.close();
addresses.close();
