/** A setting, and the faults that befall it, from a seed. */

import { parseAddress } from '../../src/model/address.ts';
import { NO_NOTIFY } from '../../src/model/notify.ts';
import type { TrackUse } from '../../src/model/tracking.ts';
import { centiseconds, milliseconds } from '../../src/model/units.ts';
import type { VirtualAddress, VirtualRouter } from '../../src/model/virtual-router.ts';
import { faultsOf } from './faults.ts';
import { interfaceName } from './names.ts';
import { Random } from './random.ts';
import type { DirectorSetting, Setting } from './setting.ts';

/** What all directors share. */
interface Common {
  readonly routers: readonly VirtualRouter[];
  readonly groups: DirectorSetting['groups'];
  readonly track: readonly TrackUse[];
}

export function scenario(seed: number): Setting {
  const random = new Random(seed);
  // The first numbers of neighbouring seeds are not alike, but cheap to mix once more.
  for (let i = 0; i < 3; i++) random.next();
  const count = random.pick([2, 2, 2, 2, 3, 3, 4, 5]);
  const networks = random.pick([1, 1, 2, 3]);
  const guard = random.next();
  const common = commonSetting(random, networks, guard < 0.4);
  const interval = common.routers[0]?.advertInterval ?? centiseconds(100);
  const hosts = Array.from({ length: networks }, () => random.shuffled(HOSTS).slice(0, count));
  const equal = random.chance(0.25);
  const directors = Array.from(
    { length: count },
    (_, index): DirectorSetting => ({
      routers: ownRouters(random, common, equal, index),
      groups: common.groups,
      hosts: hosts.map((of) => of[index] ?? 1),
      clockRate: 1 + random.between(-200e-6, 200e-6),
      clockStart: random.between(10_000, 1e9),
    }),
  );
  const most = Math.min(5, interval * 2);
  const setting = {
    seed,
    directors,
    networks,
    delay: { least: 0.05, most: random.between(0.1, most) },
    arbiter: guard < 0.3 ? { directors: count } : undefined,
    ttl: random.pick([2000, 3000, 5000]),
    fencing:
      guard > 0.22 && guard < 0.4
        ? { takeOverAfter: random.chance(0.5) ? milliseconds(random.pick([0, 1000, 3000])) : undefined }
        : undefined,
  };
  return { ...setting, ...faultsOf(setting, random) };
}

const HOSTS = [2, 3, 9, 10, 50, 99, 100, 200];

function commonSetting(random: Random, networks: number, guarded: boolean): Common {
  // Guards take seconds, in which short intervals would say the same thing over and over.
  const interval = random.pick(
    guarded ? [10, 20, 30, 100, 100, 300] : [1, 2, 5, 10, 10, 20, 30, 100, 100, 300],
  );
  const version = interval % 100 === 0 && random.chance(0.2) ? 2 : 3;
  const count = random.pick([1, 1, 1, 2, 3]);
  const track = tracks(random);
  const preempt = random.chance(0.8);
  const shape = {
    version,
    downAdverts: random.pick([3, 3, 3, 2, 5]),
    preempt,
    preemptDelay: milliseconds(preempt && random.chance(0.2) ? random.pick([500, 3000]) : 0),
    startupDelay: milliseconds(random.chance(0.2) ? random.pick([300, 2000]) : 0),
    probe: random.pick(['beside', 'beside', 'off', 'before'] as const),
  } as const;
  const routers = Array.from({ length: count }, (_, i) => {
    const home = i % networks;
    // Members of one group may advertise at different intervals.
    const own = random.chance(0.8) || version === 2 ? interval : interval * random.pick([1, 2, 3]);
    return routerOf({ ...shape, advertInterval: centiseconds(own) }, i, home, paths(random, home, networks), {
      both: version === 3 && random.chance(0.25),
      track: random.chance(0.5) ? track : [],
    });
  });
  const grouped = count > 1 && random.chance(0.7);
  const members = routers.map(({ name }) => name);
  const groups = grouped ? [{ name: 'g', members, track, notify: NO_NOTIFY }] : [];
  return { routers, groups, track };
}

function tracks(random: Random): readonly TrackUse[] {
  if (random.chance(0.4)) return [];
  return Array.from({ length: random.whole(1, 2) }, (_, i) => ({
    kind: 'script' as const,
    name: `s${i}`,
    weight: random.pick([undefined, -60, 40, -10]),
    inverse: random.chance(0.1),
  }));
}

/** The networks that adverts go by, the own one first. */
function paths(random: Random, home: number, networks: number): readonly number[] {
  const others = Array.from({ length: networks }, (_, i) => i).filter((network) => network !== home);
  return [home, ...others.filter(() => random.chance(0.5))];
}

/** The same virtual routers with this director's own priority: mostly one for all of them. */
function ownRouters(
  random: Random,
  { routers }: Common,
  equal: boolean,
  index: number,
): readonly VirtualRouter[] {
  // Two owners of an address are a mistake of the configuration, and no fault.
  const owner = index === 0 && random.chance(0.04);
  const own = owner ? 255 : equal ? 100 : random.pick([50, 99, 100, 101, 150, 200, 254, 1]);
  const mixed = random.chance(0.15);
  return routers.map((router) => ({ ...router, priority: mixed && !owner ? random.whole(1, 254) : own }));
}

type Shape = Pick<
  VirtualRouter,
  'version' | 'downAdverts' | 'preempt' | 'preemptDelay' | 'startupDelay' | 'advertInterval' | 'probe'
>;

function routerOf(
  shape: Shape,
  index: number,
  home: number,
  networks: readonly number[],
  { both, track }: { readonly both: boolean; readonly track: readonly TrackUse[] },
): VirtualRouter {
  const v4 = vip(`10.${home + 1}.1.${250 + index}`, 24);
  const v6 = vip(`fe80::${index + 1}:254`, 64);
  const [first = home, ...others] = networks;
  return {
    ...shape,
    name: `vip${index}`,
    interface: interfaceName(home),
    vrid: 51 + index,
    priority: 100,
    checksum: 'legacy',
    authentication: undefined,
    heartbeat: [pathOn(first), ...others.map(pathOn)],
    addresses: both ? [v4, v6] : [v4],
    routes: [],
    rules: [],
    vmac: undefined,
    accept: true,
    announce: ANNOUNCE,
    track,
    notify: NO_NOTIFY,
  };
}

const pathOn = (network: number): VirtualRouter['heartbeat'][number] => ({
  interface: interfaceName(network),
  transport: 'vrrp',
  peers: [],
  source: [],
  port: 0,
});

function vip(text: string, length: number): VirtualAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`${text} is no address`);
  return { address, length };
}

/** One announcement: how many there are decides nothing, and each costs a timer. */
const ANNOUNCE = {
  count: 1,
  spacing: milliseconds(100),
  delay: milliseconds(0),
  delayedCount: 0,
  refresh: milliseconds(0),
  addressSpacing: milliseconds(0),
};
