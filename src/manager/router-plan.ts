/** What a new configuration would do to the virtual routers and their addresses, in words. */
import { formatPrefix } from '../model/address.ts';
import type { VirtualRouter } from '../model/config.ts';
import { ROUTER_WORD, type RouterStatus } from '../model/router-status.ts';
import { centisecondsToMilliseconds } from '../model/units.ts';

export interface RouterPlan {
  readonly virtualRouters: readonly string[];
  /** Addresses that would be put on or taken off an interface of this director at once. */
  readonly addresses: readonly string[];
}

export function planRouters(
  running: readonly VirtualRouter[],
  wanted: readonly VirtualRouter[],
  statuses: readonly RouterStatus[],
): RouterPlan {
  const now = new Map(running.map((router) => [router.name, router]));
  const then = new Map(wanted.map((router) => [router.name, router]));
  const active = new Set(statuses.filter(({ state }) => state === 'active').map(({ name }) => name));
  const names = [...new Set([...now.keys(), ...then.keys()])];
  const virtualRouters = names.flatMap((name) => routerChange(name, now.get(name), then.get(name), statuses));
  const addresses = names
    .filter((name) => active.has(name))
    .flatMap((name) => addressChanges(now.get(name), then.get(name)));
  return { virtualRouters, addresses };
}

function routerChange(
  name: string,
  was: VirtualRouter | undefined,
  is: VirtualRouter | undefined,
  statuses: readonly RouterStatus[],
): readonly string[] {
  if (was === undefined) return [`add virtual router ${name} (${is === undefined ? '' : identity(is)})`];
  const state = statuses.find((status) => status.name === name)?.state;
  if (is === undefined) {
    const handsOver = state === 'active' ? ', handing over its addresses' : '';
    return [`remove virtual router ${name}${handsOver}`];
  }
  const changes = fields(was)
    .map(([field, before], i) => [field, before, fields(is)[i]?.[1]] as const)
    .filter(([, before, after]) => before !== after)
    .map(([field, before, after]) => `${field} ${before} → ${after}`);
  if (changes.length === 0) return [];
  const anew =
    identity(was) === identity(is)
      ? `, state ${state === undefined ? 'unknown' : ROUTER_WORD[state]} is kept`
      : ', starts anew';
  return [`change virtual router ${name}: ${changes.join(', ')}${anew}`];
}

const identity = (router: VirtualRouter): string => `${router.interface}, VRID ${router.vrid}`;

const fields = (router: VirtualRouter): readonly (readonly [string, string | number | boolean])[] => [
  ['interface', router.interface],
  ['VRID', router.vrid],
  ['priority', router.priority],
  ['advert interval', `${centisecondsToMilliseconds(router.advertInterval)} ms`],
  ['preempt', router.preempt],
  ['addresses', router.addresses.map(formatPrefix).join(' ')],
];

function addressChanges(was: VirtualRouter | undefined, is: VirtualRouter | undefined): readonly string[] {
  const held = (router: VirtualRouter | undefined) =>
    (router?.addresses ?? []).map((prefix) => `${formatPrefix(prefix)} ${router?.interface}`);
  const before = held(was);
  // A virtual router that starts anew begins as a backup and holds nothing.
  const after = was !== undefined && is !== undefined && identity(was) === identity(is) ? held(is) : [];
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
