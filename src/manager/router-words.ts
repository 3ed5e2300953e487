/** A virtual router's settings in words, for the plan: each under the name that the file gives it. */
import { routeText, ruleText } from '../kernel/route-text.ts';
import { formatPrefix } from '../model/address.ts';
import type { NotifyTargets } from '../model/notify.ts';
import type { TrackUse } from '../model/tracking.ts';
import { centisecondsToMilliseconds, durationText } from '../model/units.ts';
import type {
  AnnouncePolicy,
  Authentication,
  HeartbeatPath,
  VirtualAddress,
  VirtualRouter,
} from '../model/virtual-router.ts';

/** One setting: what it is called, what is compared, and how people read it. */
export interface Setting {
  readonly name: string;
  readonly value: unknown;
  /** Without secrets. */
  readonly text: string;
}

/** All that can change while a virtual router goes on; its interface and VRID cannot. */
export function settingsOf(router: VirtualRouter): readonly Setting[] {
  const { authentication, routes, rules } = router;
  return [
    plain('name', router.name),
    plain('version', router.version),
    plain('priority', router.priority),
    plain('advert interval', durationText(centisecondsToMilliseconds(router.advertInterval))),
    plain('down_adverts', router.downAdverts),
    plain('preempt', router.preempt),
    plain('preempt delay', durationText(router.preemptDelay)),
    plain('startup delay', durationText(router.startupDelay)),
    plain('checksum', router.checksum),
    { name: 'authentication', value: authentication, text: authenticationText(authentication) },
    plain('heartbeat', router.heartbeat.map(pathText).join(', ')),
    plain('addresses', router.addresses.map(virtualAddressText).join(', ')),
    { name: 'routes', value: routes, text: listText(routes.map(routeText)) },
    { name: 'rules', value: rules, text: listText(rules.map(ruleText)) },
    plain('vmac', router.vmac?.device ?? 'off'),
    plain('accept', router.accept),
    plain('announce', announceText(router.announce)),
    { name: 'track', value: router.track, text: listText(router.track.map(useText)) },
    plain('probe', router.probe),
    { name: 'notify', value: router.notify, text: notifyText(router.notify) },
  ];
}

/** The settings that differ, one piece each: `priority 150 → 100`, or that one is another although it reads the same. */
export function changesBetween(before: readonly Setting[], after: readonly Setting[]): readonly string[] {
  return before.flatMap((was, i) => {
    const is = after[i];
    if (is === undefined || JSON.stringify(was.value) === JSON.stringify(is.value)) return [];
    return [was.text === is.text ? `${was.name} (details)` : `${was.name} ${was.text} → ${is.text}`];
  });
}

const plain = (name: string, value: string | number | boolean): Setting => ({
  name,
  value,
  text: String(value),
});

/** `10.1.1.254/24 dev eth1 label eth1:vip scope link (excluded)`. */
function virtualAddressText(virtual: VirtualAddress): string {
  const { device, label, scope, excluded } = virtual;
  return [
    formatPrefix(virtual),
    ...(device === undefined ? [] : [`dev ${device}`]),
    ...(label === undefined ? [] : [`label ${label}`]),
    ...(scope === undefined ? [] : [`scope ${scope}`]),
    ...(excluded === true ? ['(excluded)'] : []),
  ].join(' ');
}

/** `script chk weight -20`, `interface eth1 inverse`. */
export const useText = ({ kind, name, weight, inverse }: TrackUse): string =>
  `${kind} ${name}${weight === undefined ? '' : ` weight ${weight}`}${inverse ? ' inverse' : ''}`;

/** `active: /etc/promote.sh now, mail`. */
export function notifyText({ mail, ...targets }: NotifyTargets): string {
  const scripts = Object.entries(targets).flatMap(([state, script]) =>
    script === undefined ? [] : [`${state}: ${script.command.join(' ')}`],
  );
  return listText(mail ? [...scripts, 'mail'] : scripts);
}

/** With commas; `none` for no parts. */
export const listText = (parts: readonly string[]): string =>
  parts.length === 0 ? 'none' : parts.join(', ');

function authenticationText(authentication: Authentication | undefined): string {
  if (authentication === undefined) return 'none';
  if (authentication.type === 'text') return 'text';
  const [active, ...others] = authentication.keys;
  const also = others.length === 0 ? '' : `, accepts ${others.map(({ id }) => id).join(', ')}`;
  return `hmac key ${active.id}${also}`;
}

function pathText({ interface: on, transport, peers, source, port }: HeartbeatPath): string {
  const to = peers.map(
    ({ address, leastTtl }) => address + (leastTtl === undefined ? '' : ` TTL ${leastTtl}`),
  );
  return [
    on,
    ...(transport === 'udp' ? [`udp port ${port}`] : []),
    ...(to.length === 0 ? [] : [`to ${to.join(' and ')}`]),
    ...(source.length === 0 ? [] : [`from ${source.join(' and ')}`]),
  ].join(' ');
}

function announceText(policy: AnnouncePolicy): string {
  const { count, spacing, delay, delayedCount, refresh, addressSpacing } = policy;
  return [
    `${count} every ${durationText(spacing)}`,
    ...(delay === 0 || delayedCount === 0 ? [] : [`${delayedCount} after ${durationText(delay)}`]),
    ...(refresh === 0 ? [] : [`again every ${durationText(refresh)}`]),
    ...(addressSpacing === 0 ? [] : [`${durationText(addressSpacing)} between addresses`]),
  ].join(' and ');
}
