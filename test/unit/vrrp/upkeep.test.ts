/** What is put back, removed and told where the links are not as they should be. */
import { beforeEach, expect, it } from 'vitest';
import { formatPrefix, type Prefix } from '../../../src/model/address.ts';
import { instant } from '../../../src/model/units.ts';
import { Director } from '../../../src/vrrp/director/director.ts';
import type { DirectorEvent } from '../../../src/vrrp/director/event.ts';
import type { Member } from '../../../src/vrrp/director/member.ts';
import { Upkeep, type UpkeepContext } from '../../../src/vrrp/process/upkeep.ts';
import { networkOf, routerOf, UP } from './director/support.ts';

const KEY = 'eth0 51 ipv4';
const VIP = '10.1.1.251/24';
const START = 10_000;
/** Ms after the start: a director of the highest priority is active by then, and has stood still for long a while later. */
const [ACTIVE, LATE] = [4_000, 60_000];

let director: Director;
/** The virtual addresses on the link, and what was seen of them when it was looked at. */
let link: Set<string>;
let seen: ReadonlySet<string>;
let told: string[];
let condition: typeof UP;
let now: number;
let onFinding: () => void;
let upkeep: Upkeep;

function handle(event: DirectorEvent): void {
  for (const order of director.handle(event, instant(now))) {
    if (order.order !== 'act') continue;
    const { action } = order;
    if (action.action === 'install-addresses')
      for (const each of action.addresses) link.add(formatPrefix(each));
    if (action.action === 'remove-addresses')
      for (const each of action.addresses) link.delete(formatPrefix(each));
  }
}

const wanted = ({ parameters }: Member): readonly Prefix[] => parameters.addresses;
const nothing = (): void => undefined;
const parts = {
  network: {
    has: () => true,
    concerns: () => true,
    refresh: () => {
      seen = new Set(link);
    },
    condition: () => condition,
  },
  vmacs: { speakAgain: nothing, configure: nothing },
  holdings: {
    present: (member: Member) => wanted(member).filter((each) => seen.has(formatPrefix(each))),
    missing: (member: Member) => wanted(member).filter((each) => !seen.has(formatPrefix(each))),
    installRoutes: nothing,
  },
  fixed: { restore: nothing },
  post: { lookAtPaths: nothing },
};

beforeEach(() => {
  [director, link, seen, told, condition] = [new Director(), new Set(), new Set(), [], UP];
  onFinding = nothing;
  upkeep = new Upkeep({
    director,
    parts,
    kernel: undefined,
    complain: (_key: string, _level: string, message: string) => told.push(message),
    phase: () => 'configured',
    onFinding: (finding: DirectorEvent) => {
      onFinding();
      handle(finding);
    },
  } as unknown as UpkeepContext);
  now = START;
  const network = networkOf({ routers: [routerOf(1, { priority: 254 })] });
  handle({ type: 'configure', network, conditions: { [KEY]: UP }, resume: [], standby: [] });
});

function becomesActive(): void {
  now = START + ACTIVE;
  handle({ type: 'timer' });
  expect([...link]).toEqual([VIP]);
}

/** Which is found before anything else is done, as by `Stalls`. */
const standsStill = (): void => {
  now = START + LATE;
  handle({ type: 'stalls' });
  expect([...link]).toEqual([]);
};

/** It is looked at, and once more where that was asked for. */
async function looked(): Promise<void> {
  upkeep.touch('eth0');
  for (let i = 0; i < 3; i++) await new Promise((turn) => setImmediate(turn));
}

it('an address that somebody takes from an active director is back; one that is put up on a backup goes', async () => {
  link.add(VIP);
  await looked();
  expect([...link]).toEqual([]);
  expect(told).toEqual([
    `virtual router vip1: ${VIP} was put up by somebody else while we are backup: removed`,
  ]);
  becomesActive();
  link.delete(VIP);
  await looked();
  expect([...link]).toEqual([VIP]);
  expect(told.at(-1)).toBe(`virtual router vip1: ${VIP} was gone from eth0: put back`);
});

it('what one had itself before it found that it stood still was put up by nobody else', async () => {
  becomesActive();
  condition = { ...UP, room: 1 };
  onFinding = standsStill;
  await looked();
  expect(director.member(KEY)?.state.name).toBe('backup');
  expect(told).toEqual([]);
});

it('what has left while one stood still is not put back', async () => {
  becomesActive();
  link.delete(VIP);
  onFinding = standsStill;
  await looked();
  expect(told).toEqual([]);
});

it('what was there when one took over meanwhile is looked at anew', async () => {
  condition = { ...UP, room: 1 };
  onFinding = becomesActive;
  await looked();
  expect([...link]).toEqual([VIP]);
  expect(told).toEqual([]);
});
