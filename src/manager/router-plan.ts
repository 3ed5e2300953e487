/** What a new configuration would do to the virtual routers, their addresses and sync groups, in words. */
import { formatPrefix } from '../model/address.ts';
import type { VrrpNetwork } from '../model/messages.ts';
import { ROUTER_WORD, type RouterState, type RouterStatus } from '../model/router-status.ts';
import type { SyncGroup, VirtualAddress, VirtualRouter } from '../model/virtual-router.ts';
import { changesBetween, listText, notifyText, settingsOf, useText } from './router-words.ts';

export interface RouterPlan {
  /** Virtual routers, and after them their sync groups. */
  readonly virtualRouters: readonly string[];
  /** Addresses that would be put on or taken off an interface of this director at once. */
  readonly addresses: readonly string[];
}

export type PlannedNetwork = Pick<VrrpNetwork, 'routers' | 'groups'>;

/** A virtual router is known by its VRID on its interface, as the vrrp process knows it: its name may change. */
export function planRouters(
  running: PlannedNetwork,
  wanted: PlannedNetwork,
  statuses: readonly RouterStatus[],
): RouterPlan {
  const now = new Map(running.routers.map((router) => [identity(router), router]));
  const then = new Map(wanted.routers.map((router) => [identity(router), router]));
  const states = new Map(statuses.map((status) => [identity(status), status.state]));
  const all = [...new Set([...now.keys(), ...then.keys()])];
  return {
    virtualRouters: [
      ...all.flatMap((key) => routerChange(now.get(key), then.get(key), states.get(key))),
      ...groupChanges(running.groups, wanted.groups),
    ],
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
  const changes = changesBetween(settingsOf(was), settingsOf(is));
  if (changes.length === 0) return [];
  const word = state === undefined ? 'unknown' : ROUTER_WORD[state];
  return [`change virtual router ${was.name}: ${changes.join('; ')}; state ${word} is kept`];
}

const identity = ({ interface: on, vrid }: Pick<VirtualRouter, 'interface' | 'vrid'>): string =>
  `${on}, VRID ${vrid}`;

function groupChanges(before: readonly SyncGroup[], after: readonly SyncGroup[]): readonly string[] {
  const was = new Map(before.map((group) => [group.name, group]));
  const is = new Map(after.map((group) => [group.name, group]));
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name) =>
    groupChange(was.get(name), is.get(name)),
  );
}

function groupChange(was: SyncGroup | undefined, is: SyncGroup | undefined): readonly string[] {
  if (was === undefined)
    return is === undefined ? [] : [`add sync group ${is.name} of ${is.members.join(', ')}`];
  if (is === undefined) return [`remove sync group ${was.name}: its members go on by themselves`];
  const changes = changesBetween(groupSettings(was), groupSettings(is));
  return changes.length === 0 ? [] : [`change sync group ${was.name}: ${changes.join('; ')}`];
}

const groupSettings = ({ members, track, notify }: SyncGroup) => [
  { name: 'members', value: members, text: listText(members) },
  { name: 'track', value: track, text: listText(track.map(useText)) },
  { name: 'notify', value: notify, text: notifyText(notify) },
];

function addressChanges(was: VirtualRouter | undefined, is: VirtualRouter | undefined): readonly string[] {
  const before = held(was);
  const after = held(is);
  const lines = (
    verb: string,
    preposition: string,
    entries: ReadonlyMap<string, string>,
    others: typeof entries,
  ) =>
    [...entries].flatMap(([place, address]) =>
      others.has(place) ? [] : [`${verb} ${address} ${preposition} ${place.slice(place.indexOf(' ') + 1)}`],
    );
  return [...lines('add', 'to', after, before), ...lines('remove', 'from', before, after)];
}

/** By address and link. An address whose label or scope changes stays where it is. */
const held = (router: VirtualRouter | undefined): ReadonlyMap<string, string> =>
  new Map(
    (router?.addresses ?? []).map((virtual) => [
      `${formatPrefix(virtual)} ${carrierOf(router, virtual)}`,
      formatPrefix(virtual),
    ]),
  );

const carrierOf = (router: VirtualRouter | undefined, { device }: VirtualAddress): string =>
  device ?? router?.vmac?.device ?? router?.interface ?? '';
