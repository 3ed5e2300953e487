/** Routes and rules as ip(8) writes them, for errors and logs, and whether two are the same. */
import { formatPrefix, isWithin, type Prefix } from '../model/address.ts';
import type { NextHop, PortRange, RouteSpec, RuleSpec } from '../model/routes.ts';
import { RT_TABLE_MAIN } from '../netlink/route/numbers.ts';

/** `10.9.0.0/16 via 10.1.1.9 dev eth0 table 100 metric 5`. */
export function routeText(route: RouteSpec): string {
  const { destination, type = 'unicast', nextHops, table, metric, source } = route;
  const hops = nextHops.map(hopText);
  return [
    ...(type === 'unicast' ? [] : [type]),
    destination === 'default' ? `default (${route.family})` : formatPrefix(destination),
    ...(hops.length > 1 ? hops.map((hop) => `nexthop ${hop}`) : hops),
    ...(source === undefined ? [] : [`src ${source}`]),
    ...(table === undefined || table === RT_TABLE_MAIN ? [] : [`table ${table}`]),
    ...(metric === undefined ? [] : [`metric ${metric}`]),
  ].join(' ');
}

const hopText = ({ via, device, weight }: NextHop): string =>
  [
    ...(via === undefined ? [] : [`via ${via}`]),
    ...(device === undefined ? [] : [`dev ${device}`]),
    ...(weight === undefined || weight === 1 ? [] : [`weight ${weight}`]),
  ].join(' ');

/** `priority 100 from 10.1.1.254/32 fwmark 0x7/0xff table 100`. */
export function ruleText(rule: RuleSpec): string {
  const { priority, from, to, iif, oif, fwmark, tos, ipProtocol, sourcePort, destinationPort, action } = rule;
  const parts: readonly (readonly [string, string | number | undefined])[] = [
    ['priority', priority],
    ['from', from === undefined ? 'all' : formatPrefix(from)],
    ['to', to && formatPrefix(to)],
    ['iif', iif],
    ['oif', oif],
    [
      'fwmark',
      fwmark && hexadecimal(fwmark.mark) + (fwmark.mask === undefined ? '' : `/${hexadecimal(fwmark.mask)}`),
    ],
    ['tos', tos],
    ['ipproto', ipProtocol],
    ['sport', sourcePort && rangeText(sourcePort)],
    ['dport', destinationPort && rangeText(destinationPort)],
    typeof action === 'object' ? ['table', action.table] : ['to be', action],
  ];
  const words = parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  return `${rule.family} ${rule.not === true ? 'not ' : ''}${words.join(' ')}`;
}

const hexadecimal = (value: number): string => `0x${value.toString(16)}`;
const rangeText = ({ first, last }: PortRange): string => (first === last ? `${first}` : `${first}-${last}`);

/**
 * Whether what the kernel holds is what `wanted` asks for. What `wanted` leaves open (the link of a gateway, the
 * scope) the kernel has chosen, and any choice will do.
 */
export function isRoute(held: RouteSpec, wanted: RouteSpec): boolean {
  const unicast = (wanted.type ?? 'unicast') === 'unicast';
  return (
    isSameDestination(held, wanted) &&
    (held.type ?? 'unicast') === (wanted.type ?? 'unicast') &&
    held.source === wanted.source &&
    held.mtu === wanted.mtu &&
    (held.onlink ?? false) === (wanted.onlink ?? false) &&
    (wanted.scope === undefined || wanted.family === 'ipv6' || held.scope === wanted.scope) &&
    // Linux gives an IPv6 route that goes nowhere the link lo.
    (!unicast || areHops(held.nextHops, wanted.nextHops))
  );
}

/** Whether the two exclude each other in an IPv6 table: same destination, table and metric. */
export const isSameDestination = (held: RouteSpec, wanted: RouteSpec): boolean =>
  held.family === wanted.family &&
  (held.table ?? RT_TABLE_MAIN) === (wanted.table ?? RT_TABLE_MAIN) &&
  metricOf(held) === metricOf(wanted) &&
  isNetwork(networkOf(held), networkOf(wanted));

/** The same text for two of one family that exclude each other so. */
export function placeOf(spec: RouteSpec): string {
  const network = networkOf(spec);
  const { table = RT_TABLE_MAIN } = spec;
  return `${network === undefined ? 'default' : formatPrefix(network)} ${table} ${metricOf(spec)}`;
}

/** Linux takes 1024 for an IPv6 route that has none. */
const metricOf = ({ family, metric = 0 }: RouteSpec): number =>
  family === 'ipv6' && metric === 0 ? 1024 : metric;

const networkOf = ({ destination }: RouteSpec): Prefix | undefined =>
  destination === 'default' || destination.length === 0 ? undefined : destination;

const isNetwork = (held: Prefix | undefined, wanted: Prefix | undefined): boolean =>
  held === undefined || wanted === undefined
    ? held === wanted
    : held.length === wanted.length && isWithin(held.address, wanted);

function areHops(held: readonly NextHop[], wanted: readonly NextHop[]): boolean {
  const left = [...held];
  for (const hop of wanted) {
    const place = left.findIndex((each) => isHop(each, hop, wanted.length > 1));
    if (place < 0) return false;
    left.splice(place, 1);
  }
  return left.length === 0;
}

const isHop = (held: NextHop, wanted: NextHop, weighed: boolean): boolean =>
  held.via === wanted.via &&
  (wanted.device === undefined || held.device === wanted.device) &&
  (!weighed || (held.weight ?? 1) === (wanted.weight ?? 1));

/** Whether what the kernel holds is what `wanted` asks for; any priority will do where it asks for none. */
export function isRule(held: RuleSpec, wanted: RuleSpec): boolean {
  const { priority, fwmark, action, ...rest } = wanted;
  const { priority: heldPriority, fwmark: heldMark, action: heldAction, ...heldRest } = held;
  return (
    (priority === undefined || heldPriority === priority) &&
    markText(heldMark) === markText(fwmark) &&
    actionText(heldAction) === actionText(action) &&
    selectorText(heldRest) === selectorText(rest)
  );
}

type Selector = Omit<RuleSpec, 'priority' | 'fwmark' | 'action'>;

const selectorText = (rule: Selector): string =>
  JSON.stringify([
    ...[rule.family, rule.from && formatPrefix(rule.from), rule.to && formatPrefix(rule.to), rule.iif],
    ...[rule.oif, rule.tos ?? 0, rule.ipProtocol, rule.not ?? false],
    ...[
      rule.sourcePort && rangeText(rule.sourcePort),
      rule.destinationPort && rangeText(rule.destinationPort),
    ],
  ]);

const markText = (mark: RuleSpec['fwmark']): string =>
  mark === undefined ? '' : `${mark.mark}/${mark.mask ?? 0xffffffff}`;

const actionText = (action: RuleSpec['action']): string =>
  typeof action === 'object' ? String(action.table) : action;
