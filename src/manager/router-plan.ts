/** What a new configuration would do to the virtual routers and their addresses, in words. */
import { formatPrefix } from '../model/address.ts';
import type { VirtualRouter } from '../model/config.ts';
import { ROUTER_WORD, type RouterState, type RouterStatus } from '../model/router-status.ts';
import { centisecondsToMilliseconds } from '../model/units.ts';

export interface RouterPlan {
  readonly virtualRouters: readonly string[];
  /** Addresses that would be put on or taken off an interface of this director at once. */
  readonly addresses: readonly string[];
}

/** A virtual router is known by its VRID on its interface, as the vrrp process knows it: its name may change. */
export function planRouters(
  running: readonly VirtualRouter[],
  wanted: readonly VirtualRouter[],
  statuses: readonly RouterStatus[],
): RouterPlan {
  const now = new Map(running.map((router) => [identity(router), router]));
  const then = new Map(wanted.map((router) => [identity(router), router]));
  const states = new Map(statuses.map((status) => [identity(status), status.state]));
  const all = [...new Set([...now.keys(), ...then.keys()])];
  return {
    virtualRouters: all.flatMap((key) => routerChange(now.get(key), then.get(key), states.get(key))),
    addresses: all
      .filter((key) => states.get(key) === 'active')
      .flatMap((key) => addressChanges(now.get(key), then.get(key))),
  };
}

function routerChange(
  was: VirtualRouter | undefined,
  is: VirtualRouter | undefined,
  state: RouterState | undefined,
): readonly string[] {
  if (was === undefined) return is === undefined ? [] : [`add virtual router ${is.name} (${identity(is)})`];
  if (is === undefined) {
    const handsOver = state === 'active' ? ', handing over its addresses' : '';
    return [`remove virtual router ${was.name} (${identity(was)})${handsOver}`];
  }
  const after = fields(is);
  const changes = fields(was)
    .map(([field, before], i) => [field, before, after[i]?.[1]] as const)
    .filter(([, before, now]) => before !== now)
    .map(([field, before, now]) => `${field} ${before} → ${now}`);
  if (changes.length === 0) return [];
  const word = state === undefined ? 'unknown' : ROUTER_WORD[state];
  return [`change virtual router ${was.name}: ${changes.join(', ')}, state ${word} is kept`];
}

const identity = ({ interface: on, vrid }: Pick<VirtualRouter, 'interface' | 'vrid'>): string =>
  `${on}, VRID ${vrid}`;

const fields = (router: VirtualRouter): readonly (readonly [string, string | number | boolean])[] => [
  ['name', router.name],
  ['priority', router.priority],
  ['advert interval', `${centisecondsToMilliseconds(router.advertInterval)} ms`],
  ['preempt', router.preempt],
  ['addresses', router.addresses.map(formatPrefix).join(' ')],
];

function addressChanges(was: VirtualRouter | undefined, is: VirtualRouter | undefined): readonly string[] {
  const held = (router: VirtualRouter | undefined) =>
    (router?.addresses ?? []).map((prefix) => `${formatPrefix(prefix)} ${router?.interface}`);
  const before = held(was);
  const after = held(is);
  const words = (verb: string, preposition: string, entries: readonly string[]) =>
    entries.map((entry) => `${verb} ${entry.replace(' ', ` ${preposition} `)}`);
  return [
    ...words(
      'add',
      'to',
      after.filter((entry) => !before.includes(entry)),
    ),
    ...words(
      'remove',
      'from',
      before.filter((entry) => !after.includes(entry)),
    ),
  ];
}
