/** Routes and policy rules: those of virtual routers, and the static ones. */
import {
  addressFromBytes,
  addressToBytes,
  familyName,
  familyOf,
  formatPrefix,
  type IpAddress,
  isLinkLocal,
  type Prefix,
} from '../../model/address.ts';
import { routeFamily } from '../convert/network.ts';
import { errorAt, errorAtKey, type Finding, type Path } from '../finding.ts';
import type { Draft } from '../salvage.ts';
import type { RouteShape, RuleShape } from '../schema/index.ts';
import { type ConfigDraft, itemsOf, virtualRoutersOf } from './draft.ts';

type RouteDraft = Draft<RouteShape>;
type RuleDraft = Draft<RuleShape>;

export function routeFindings(draft: ConfigDraft): readonly Finding[] {
  const sections = [
    ...virtualRoutersOf(draft).map(({ path, value }) => ({ path: path, value })),
    { path: ['static'] as Path, value: draft.static ?? {} },
  ];
  return sections.flatMap(({ path, value }) => [
    ...itemsOf(value.routes, [...path, 'routes']).flatMap((item) => ofRoute(item.value, item.path)),
    ...itemsOf(value.rules, [...path, 'rules']).flatMap((item) => ofRule(item.value, item.path)),
  ]);
}

function ofRoute(route: RouteDraft, path: Path): readonly Finding[] {
  const network = route.to === undefined || route.to === 'default' ? [] : hostBits(route.to, [...path, 'to']);
  return [...network, ...ways(route, path), ...families(route, path), ...onlink(route, path)];
}

/** The kernel refuses a network with bits behind its prefix (EINVAL). */
function hostBits(prefix: Prefix, path: Path): readonly Finding[] {
  const network = addressFromBytes(
    addressToBytes(prefix.address).map((byte, i) => {
      const bits = Math.min(8, Math.max(0, prefix.length - 8 * i));
      return byte & (0xff00 >> bits) & 0xff;
    }),
  );
  if (network === prefix.address) return [];
  const message = `${prefix.address} has bits set behind its /${prefix.length}: the network is ${network}/${prefix.length}`;
  return [errorAt(path, message)];
}

/** Either one way, or several, or for the types that go nowhere none. */
function ways(route: RouteDraft, path: Path): readonly Finding[] {
  const single = (['via', 'device'] as const).filter((key) => key in route);
  const several = 'next_hops' in route;
  const [first] = single;
  if (route.type !== undefined && route.type !== 'unicast') {
    const key = first ?? (several ? 'next_hops' : undefined);
    if (key === undefined) return [];
    return [
      errorAtKey([...path, key], `a route of type ${route.type} goes nowhere: remove ${key}, or the type`),
    ];
  }
  if (several && first !== undefined)
    return [errorAtKey([...path, first], `the route has next_hops already: put ${first} into one of them`)];
  if (!several && first === undefined)
    return [errorAtKey(path, 'the route does not say where it goes: add via, device or both')];
  return itemsOf(route.next_hops, [...path, 'next_hops'])
    .filter(({ value }) => !('via' in value) && !('device' in value))
    .map((item) => errorAtKey(item.path, 'the next hop does not say where it goes: add via, device or both'));
}

/** IPv4 may go over IPv6 neighbours (RFC 8950), but not the other way round. */
function families(route: RouteDraft, path: Path): readonly Finding[] {
  if (route.to === undefined) return [];
  const hops = itemsOf(route.next_hops, [...path, 'next_hops']);
  const family = routeFamily({
    to: route.to,
    via: route.via,
    source: route.source,
    next_hops: hops.map(({ value }) => ({ ...value, weight: 1 })),
  });
  const gateways = [
    { path: [...path, 'via'], address: route.via, device: route.device },
    ...hops.map((hop) => ({ path: [...hop.path, 'via'], address: hop.value.via, device: hop.value.device })),
  ];
  const wrong = gateways.filter(({ address }) => isOther(address, family) && family === 'ipv6');
  const unscoped = gateways.filter(
    ({ address, device }) => address !== undefined && isLinkLocal(address) && device === undefined,
  );
  return [
    ...wrong.map((gateway) =>
      errorAt(
        gateway.path,
        `${gateway.address} cannot be the gateway of an IPv6 route: give an IPv6 address`,
      ),
    ),
    ...unscoped.map((gateway) =>
      errorAt(
        gateway.path,
        `${gateway.address} is an address of one link only: add the device that it is on`,
      ),
    ),
    ...(isOther(route.source, family)
      ? [
          errorAt(
            [...path, 'source'],
            `${route.source} cannot be the source of an ${familyName(family)} route`,
          ),
        ]
      : []),
  ];
}

const isOther = (address: IpAddress | undefined, family: 'ipv4' | 'ipv6'): boolean =>
  address !== undefined && familyOf(address) !== family;

function onlink(route: RouteDraft, path: Path): readonly Finding[] {
  if (route.onlink !== true || 'next_hops' in route || ('via' in route && 'device' in route)) return [];
  return [errorAtKey([...path, 'onlink'], 'onlink needs via and the device on whose link it is: add them')];
}

function ofRule(rule: RuleDraft, path: Path): readonly Finding[] {
  const selectors = (['from', 'to'] as const).flatMap((key) => {
    const prefix = rule[key];
    return prefix === undefined ? [] : [{ path: [...path, key], prefix }];
  });
  return [
    ...selectors.flatMap((selector) => hostBits(selector.prefix, selector.path)),
    ...decision(rule, path),
    ...ruleFamilies(rule, selectors),
  ];
}

function decision(rule: RuleDraft, path: Path): readonly Finding[] {
  const given = ['table', 'action'].filter((key) => key in rule);
  if (given.length === 1) return [];
  if (given.length === 2)
    return [errorAtKey([...path, 'action'], 'the rule has a table already: keep one of table and action')];
  return [errorAtKey(path, 'the rule does not say what to do: add table, or action')];
}

function ruleFamilies(
  { family }: RuleDraft,
  selectors: readonly { readonly path: Path; readonly prefix: Prefix }[],
): readonly Finding[] {
  const wanted = family ?? (selectors[0] && familyOf(selectors[0].prefix.address));
  if (wanted === undefined) return [];
  return selectors
    .filter(({ prefix }) => familyOf(prefix.address) !== wanted)
    .map(({ path, prefix }) =>
      errorAt(
        path,
        `${formatPrefix(prefix)} is not of the rule's family, ${familyName(wanted)}: a rule has one family`,
      ),
    );
}
