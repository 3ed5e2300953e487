/**
 * A take-over happens once in months and must then be quick, but JavaScript that has not run yet is parsed and
 * compiled at its first run, and what has not run for long is thrown away again. Measured on the wire: the first
 * take-over of a process came 2 ms late, and its announcement 1.4 ms after that. So each process plays one at its
 * start, with every system call that belongs to it: it speaks to the loopback interface, which nobody hears, and puts
 * its address on an interface that cannot exist.
 *
 * Where another director is lost that was active in hundreds of virtual routers, the last of them waits for all others,
 * and compiled code that was optimized, too, takes half as long. V8 does so for what has run hundreds of times.
 */
import { setFlagsFromString } from 'node:v8';
import type { Link } from '../../kernel/links.ts';
import type { IpAddress, MacAddress } from '../../model/address.ts';
import type { VirtualRouter } from '../../model/config.ts';
import { NO_NETWORK } from '../../model/messages.ts';
import { NO_NOTIFY } from '../../model/notify.ts';
import { centiseconds, milliseconds, seconds } from '../../model/units.ts';
import { monotonicNow } from '../../sys/clock.ts';
import type { Reactor } from '../../sys/reactor.ts';
import type { VrrpKernel } from './context.ts';
import { VirtualRouters } from './virtual-routers.ts';

/** The kernel counts interfaces up from 1 and would need years to come here. */
const NOWHERE = 0x7fff_fffe;
/** Backup for 30 ms, then active with seven adverts and as many announcements. */
const DURATION = milliseconds(100);

const LOOPBACK: Link = {
  index: 1,
  name: 'lo',
  mac: '00:00:00:00:00:00' as MacAddress,
  up: true,
  running: true,
  mtu: 65_536,
  loopback: true,
};
const SOURCE = { address: '127.0.0.1' as IpAddress, length: 8 };
const ROUTER: VirtualRouter = {
  name: 'rehearsal',
  interface: LOOPBACK.name,
  vrid: 255,
  version: 3,
  priority: 254,
  advertInterval: centiseconds(1),
  downAdverts: 3,
  preempt: true,
  preemptDelay: milliseconds(0),
  startupDelay: milliseconds(0),
  checksum: 'legacy',
  authentication: undefined,
  heartbeat: [{ interface: LOOPBACK.name, transport: 'vrrp', peers: [], source: [], port: 0 }],
  addresses: [{ address: '192.0.2.1' as IpAddress, length: 32 }],
  routes: [],
  rules: [],
  vmac: undefined,
  accept: true,
  announce: {
    count: 5,
    spacing: milliseconds(10),
    delay: milliseconds(0),
    delayedCount: 0,
    refresh: milliseconds(0),
    addressSpacing: milliseconds(0),
  },
  track: [],
  probe: 'off',
  notify: NO_NOTIFY,
};

/** The other family is announced and sent to in other ways. On the loopback interface only unicast is possible. */
const ROUTER_IPV6: VirtualRouter = {
  ...ROUTER,
  name: 'rehearsal of IPv6',
  heartbeat: [
    {
      interface: LOOPBACK.name,
      transport: 'vrrp',
      peers: [{ address: '::1' as IpAddress, leastTtl: undefined }],
      source: ['::1' as IpAddress],
      port: 0,
    },
  ],
  addresses: [{ address: '2001:db8::1' as IpAddress, length: 128 }],
};

/** How much is played. */
export interface Extent {
  /** Virtual routers at once: few, so that nothing else waits for long; up to 254. */
  readonly routers: number;
  /** One after the other, each a tenth of a second. */
  readonly rounds: number;
}

/** Until it is compiled. */
const ONCE: Extent = { routers: 1, rounds: 1 };
/** Until it is optimized. */
const THOROUGHLY: Extent = { routers: 16, rounds: 20 };
/** From so many virtual routers on it is worth the memory and the time. */
const MANY = 16;

/** What is played once the number of virtual routers is known, beside what is played at the start. */
export function rehearseForMany(count: number, reactor: Reactor, kernel: VrrpKernel): void {
  if (count >= MANY) rehearse(reactor, kernel, THOROUGHLY);
}

/** Runs beside whatever else goes on, and ends by itself. */
export function rehearse(reactor: Reactor, kernel: VrrpKernel, { routers: count, rounds } = ONCE): void {
  const routers = new VirtualRouters({
    reactor,
    kernel: nowhere(kernel),
    now: monotonicNow,
    date: Date.now,
    // That the kernel refuses an address for no interface is the point.
    complain: () => undefined,
    send: () => undefined,
    onStopped: () => undefined,
  });
  const network = {
    ...NO_NETWORK,
    routers: [...Array.from({ length: count }, (_, i) => routerOf(i + 1)), ROUTER_IPV6],
  };
  routers.configure({ network, resume: [], standby: [] });
  // The first renewal of a lease starts the threads that renewals wait on: not just after a take-over, please, and not
  // when the machine may have no memory for them, which ends a process.
  kernel.addresses.renew(NOWHERE, ROUTER.addresses, seconds(1), () => undefined);
  setTimeout(() => {
    routers.abandon('the rehearsal is over');
    routers.close();
    if (rounds > 1) rehearse(reactor, kernel, { routers: count, rounds: rounds - 1 });
  }, DURATION);
}

/** The kernel, asked for addresses of a link that is not there. */
function nowhere(kernel: VrrpKernel): VrrpKernel {
  const { addresses } = kernel;
  return {
    ...kernel,
    addresses: {
      list: () => [
        { index: LOOPBACK.index, prefix: SOURCE, lifetime: 'forever', secondary: false, label: 'lo' },
      ],
      prepare: () => undefined,
      makeReady: (_index, prefixes, lifetime) => addresses.makeReady(NOWHERE, prefixes, lifetime),
      put: (_index, prefixes, lifetime) => addresses.put(NOWHERE, prefixes, lifetime),
      renew: (_index, prefixes, lifetime, onRefused) =>
        addresses.renew(NOWHERE, prefixes, lifetime, onRefused),
      remove: (_index, prefixes) => addresses.remove(NOWHERE, prefixes),
      settled: () => addresses.settled(),
      close: () => undefined,
    },
    // What a process before this one has left is not its to remove.
    macvlans: { ...kernel.macvlans, listOwn: () => [] },
    routes: { ...kernel.routes, listOwn: () => [] },
    rules: { ...kernel.rules, listOwn: () => [] },
    listLinks: () => [LOOPBACK],
  };
}

/**
 * For what runs from now on. Not by the command line, for all that Node itself runs at its start: that would take a
 * quarter longer, 50 ms of CPU.
 */
export function prepareCompiler(): void {
  // What runs so seldom as a take-over is never optimized; compiled without that it takes 0.4 ms less than interpreted.
  setFlagsFromString('--always-sparkplug');
  // Otherwise what has not run during a few garbage collections would have to be compiled again.
  setFlagsFromString('--no-flush-bytecode');
}

const routerOf = (vrid: number): VirtualRouter => ({
  ...ROUTER,
  name: `${ROUTER.name} ${vrid}`,
  vrid,
  addresses: [{ address: `192.0.2.${vrid}` as IpAddress, length: 32 }],
});
