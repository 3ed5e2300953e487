/** How connections are shared out: scheduler, flags, persistence and one-packet scheduling. */

import { familyName } from '../../model/address.ts';
import { onceForEach } from '../../model/once.ts';
import type { Scheduler, SchedulerFlag } from '../../model/virtual-server.ts';
import { errorAt, type Finding, warningAt, warningAtKey } from '../finding.ts';
import { type ConfigDraft, itemsOf } from './draft.ts';
import { forwardingOf, readServices, realServers, type Service, sorryServers } from './service.ts';

export const schedulingFindings = (draft: ConfigDraft): readonly Finding[] =>
  readServices(draft).flatMap(ofService);

const ofService = onceForEach((service: Service): readonly Finding[] => [
  ...foreignFlags(service),
  ...refusedClients(service),
  ...weights(service),
  ...everyPort(service),
  ...persistence(service),
  ...persistentPorts(service),
  ...onePacket(service),
]);

/** The names of the bits belong to a scheduler; flag-N is the bare bit, for any. */
function foreignFlags({ path, value }: Service): readonly Finding[] {
  const { scheduler } = value;
  if (scheduler === undefined) return [];
  return itemsOf(value.scheduler_flags, [...path, 'scheduler_flags']).flatMap((item) => {
    const [owner] = item.value.split('-');
    if (owner === 'flag' || owner === scheduler) return [];
    const message = `${item.value} is for scheduler ${owner}, not ${scheduler}: remove it, or use scheduler ${owner}`;
    return [errorAt(item.path, message)];
  });
}

const FALLBACK: Partial<Readonly<Record<Scheduler, SchedulerFlag>>> = {
  mh: 'mh-fallback',
  sh: 'sh-fallback',
};

/** A hash that leads to a real server of weight 0 refuses the client (ip_vs_mh.c, ip_vs_sh.c, ip_vs_dh.c). */
function refusedClients({ path, value }: Service): readonly Finding[] {
  const { scheduler } = value;
  if (scheduler === undefined || ('scheduler_flags' in value && value.scheduler_flags === undefined))
    return [];
  const drains = value.on_failure === 'drain' || (scheduler === 'mh' && !('on_failure' in value));
  const at = [...path, 'scheduler'];
  const fallback = FALLBACK[scheduler];
  const has = (value.scheduler_flags ?? []).some((flag) => flag === fallback || flag === 'flag-1');
  if (scheduler === 'mh' && value.on_failure === 'remove') {
    const message =
      'with scheduler mh, a removed real server moves the clients of others too, and two directors disagree meanwhile: use drain';
    return [warningAt([...path, 'on_failure'], message)];
  }
  if (!drains || has) return [];
  if (scheduler === 'dh')
    return [warningAt(at, 'dh refuses the clients of a real server that is drained: use on_failure: remove')];
  if (fallback === undefined) return [];
  return [
    warningAt(
      at,
      `${scheduler} refuses the clients of a failed or drained real server: add scheduler_flags: [${fallback}]`,
    ),
  ];
}

/** IP_VS_SH_TAB_SIZE of ip_vs_sh.c: each real server gets as many places of the table as its weight says. */
const SH_PLACES = 256;

function weights({ path, value }: Service): readonly Finding[] {
  const all = (value.real_servers ?? []).map((server) => server?.weight);
  const known = all.flatMap((weight) => weight ?? []);
  if (known.length !== all.length || value.scheduler === undefined) return [];
  const message = unsuitableWeights(value.scheduler, known, value.quorum?.weight);
  return message === undefined ? [] : [warningAt([...path, 'scheduler'], message)];
}

function unsuitableWeights(
  scheduler: Scheduler,
  known: readonly number[],
  quorum: number | undefined,
): string | undefined {
  switch (scheduler) {
    case 'rr':
    case 'lc':
    case 'dh': {
      // They may be there for the quorum alone.
      const differ = new Set(known.filter((weight) => weight > 0)).size > 1 && quorum === 1;
      const other = scheduler === 'lc' ? 'wlc' : 'wrr';
      return differ
        ? `${scheduler} takes no account of weights, and here they differ: use ${other}`
        : undefined;
    }
    case 'sh': {
      const sum = known.reduce((total, weight) => total + weight, 0);
      if (sum <= SH_PLACES) return undefined;
      return `sh has ${SH_PLACES} places for real servers, and the weights here sum up to ${sum}, so that some get none: give smaller ones`;
    }
    case 'wrr':
      return longTurns(known);
    case 'ovf':
      if (known.some((weight) => weight > 1)) return undefined;
      return 'ovf takes the weight for the connections that a real server may have, and here that is 1: give larger weights';
    default:
      return undefined;
  }
}

/** The largest weight in steps of the greatest common divisor: that of 1000:1 is meant, and works. */
const MOST_STEPS = 1000;

/**
 * wrr counts down from the largest weight in steps of the greatest common divisor, and serves whoever has as much
 * (ip_vs_wrr.c): the heaviest is alone until the count has come down to the next.
 */
function longTurns(weights: readonly number[]): string | undefined {
  const used = weights.filter((weight) => weight > 0);
  const heaviest = used.reduce(larger, 0);
  const next = used.filter((weight) => weight < heaviest).reduce(larger, 0);
  const divisor = used.reduce(greatestCommonDivisor, 0);
  if (next === 0 || heaviest / divisor <= MOST_STEPS) return undefined;
  const alone = Math.floor((heaviest - next) / divisor);
  return (
    `wrr goes from weight ${heaviest} down in steps of ${divisor}, the greatest common divisor, so that the shares are ` +
    `those of the weights only after ${used.reduce((sum, weight) => sum + weight, 0) / divisor} connections, and up to ` +
    `${alone} in a row go to one real server: give small weights such as 2 and 1`
  );
}

const larger = (a: number, b: number): number => Math.max(a, b);

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

/** ip_vs_schedule() of ip_vs_core.c: "port zero only supported in persistent services". */
function everyPort({ path, value, selector }: Service): readonly Finding[] {
  if (selector?.port !== 'any' || 'persistence' in value) return [];
  const message =
    'port: any needs persistence, since the kernel balances clients there, not connections: add persistence: 5m';
  return [errorAt([...path, 'port'], message)];
}

function persistence(service: Service): readonly Finding[] {
  const { path, value, families } = service;
  const { persistence: given } = value;
  if (given === undefined || families === undefined) return [];
  const at = [...path, 'persistence'];
  const useless = (
    [
      ['netmask', 'ipv4'],
      ['prefix', 'ipv6'],
    ] as const
  )
    .filter(([key, family]) => given[key] !== undefined && !families.includes(family))
    .map(([key, family]) =>
      warningAtKey(
        [...at, key],
        `${key} is for ${familyName(family)}, and the service is ${familyName(family === 'ipv4' ? 'ipv6' : 'ipv4')}: it has no effect`,
      ),
    );
  if (given.engine === undefined || hasUdp(service) !== false) return useless;
  return [
    ...useless,
    errorAt([...at, 'engine'], 'the engine sip reads UDP only: use protocol udp, or remove it'),
  ];
}

/** Each entry of the table has its own templates. */
function persistentPorts({ path, value, selector }: Service): readonly Finding[] {
  const { persistence: given } = value;
  const { port = [] } = selector ?? {};
  if (given === undefined || given.engine !== undefined || port === 'any') return [];
  const [first, ...others] = port;
  if (first === undefined || (others.length === 0 && first.from === first.to)) return [];
  const message =
    'each port is persistent by itself, so that HTTP and HTTPS of a client may reach two real servers: ' +
    'where they belong together, use a mark that match gives to the ports';
  return [warningAtKey([...path, 'persistence'], message)];
}

/** Whether anything of it is UDP; undefined for a mark that somebody else sets. */
function hasUdp({ value, selector }: Service): boolean | undefined {
  if (selector === undefined) return undefined;
  if (!('mark' in value)) return value.protocol === 'udp';
  return 'match' in value ? value.match?.some((match) => match?.protocol === 'udp') : undefined;
}

/** What it leaves no connections for. */
const COUNTS_CONNECTIONS: ReadonlySet<Scheduler> = new Set([
  'lc',
  'wlc',
  'sed',
  'nq',
  'lblc',
  'lblcr',
  'ovf',
]);

function onePacket(service: Service): readonly Finding[] {
  const { path, value } = service;
  if (value.one_packet !== true) return [];
  const at = [...path, 'one_packet'];
  if (hasUdp(service) === false)
    return [errorAt(at, 'one_packet is for UDP, and nothing here is: use protocol udp, or remove it')];
  return [...withPersistence(service), ...withoutConnections(service)];
}

function withPersistence({ path, value }: Service): readonly Finding[] {
  if (value.persistence === undefined || value.persistence.engine !== undefined) return [];
  const message = 'persistence sends all datagrams of a client to one real server: remove it, or one_packet';
  return [warningAtKey([...path, 'persistence'], message)];
}

/** The kernel forgets the datagram as soon as it is sent: there is nothing to count, and nothing to translate back. */
function withoutConnections(service: Service): readonly Finding[] {
  const { path, value } = service;
  const { scheduler } = value;
  const methods = [...realServers(service), ...sorryServers(service)].map((server) =>
    forwardingOf(server.value, value),
  );
  const method = methods.find((each) => each === 'nat' || each === 'fullnat');
  return [
    ...(scheduler !== undefined && COUNTS_CONNECTIONS.has(scheduler)
      ? [
          warningAt(
            [...path, 'one_packet'],
            `${scheduler} counts connections, of which one_packet leaves none, so that one real server gets everything: use rr, wrr, sh or mh`,
          ),
        ]
      : []),
    ...(method !== undefined && value.persistence?.engine === undefined
      ? [
          warningAt(
            [...path, 'one_packet'],
            `one_packet leaves no connection by which ${method} translates the answers, which keep the real server's address: use dr or tun`,
          ),
        ]
      : []),
  ];
}
