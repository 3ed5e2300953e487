/** Health checks: the one kind, the time-outs, and whether the check can tell anything. */

import { onceForEach } from '../../model/once.ts';
import { durationText } from '../../model/units.ts';
import { errorAt, errorAtKey, type Finding, type Path, warningAtKey } from '../finding.ts';
import type { Draft } from '../salvage.ts';
import type { CheckShape } from '../schema/index.ts';
import type { ConfigDraft } from './draft.ts';
import { readServices, realServers, type Server, type Service, sorryServers } from './service.ts';

type CheckDraft = Draft<CheckShape>;

const KINDS = ['tcp', 'http', 'https'] as const;

/** So many services without a check are named; nobody reads a thousand lines that say the same. */
const NAMED_WITHOUT = 20;

export function checkFindings(draft: ConfigDraft): readonly Finding[] {
  const services = readServices(draft);
  return [...services.flatMap(ofChecks), ...unchecked(services.filter(({ value }) => !('check' in value)))];
}

const ofChecks = onceForEach((service: Service): readonly Finding[] => [
  ...ofCheck(service.value.check, service, realServers(service), service.path),
  ...ofSorryServers(service),
]);

const withoutCheck = (name: string): string =>
  `service "${name}" has no check: its real servers always count as up`;

function unchecked(services: readonly Service[]): readonly Finding[] {
  const named = services
    .slice(0, NAMED_WITHOUT)
    .map(({ path, name }) => warningAtKey(path, withoutCheck(name)));
  const [next, ...others] = services.slice(NAMED_WITHOUT);
  if (next === undefined) return named;
  const message =
    others.length === 0
      ? withoutCheck(next.name)
      : `service "${next.name}" and ${others.length} more ${others.length === 1 ? 'service' : 'services'} have no check: their real servers always count as up`;
  return [...named, warningAtKey(next.path, message)];
}

const ofSorryServers = (service: Service): readonly Finding[] =>
  sorryServers(service).flatMap((sorry) => ofCheck(sorry.value.check, service, [sorry], sorry.path));

/** A check and those whom it asks. */
function ofCheck(
  check: CheckDraft | undefined,
  service: Service,
  asked: readonly Server[],
  where: Path,
): readonly Finding[] {
  if (check === undefined) return [];
  const path = [...where, 'check'];
  return [
    ...oneKind(check, path),
    ...timeouts(check, path),
    ...nameless(check, path),
    ...datagrams(service, check, path),
    ...whichPort(service, check, asked, path),
  ];
}

function oneKind(check: CheckDraft, path: Path): readonly Finding[] {
  const [first, ...others] = KINDS.filter((kind) => kind in check);
  if (first === undefined) {
    return [
      errorAtKey(path, 'check does not say what to ask: add one of tcp, http or https, such as tcp: {}'),
    ];
  }
  return others.map((kind) =>
    errorAtKey(
      [...path, kind],
      `check has ${first} already: a service has one kind of check, keep one of them`,
    ),
  );
}

function timeouts({ connect_timeout: connect, timeout: whole }: CheckDraft, path: Path): readonly Finding[] {
  if (connect === undefined || whole === undefined || connect <= whole) return [];
  const [longer, shorter] = [durationText(connect), durationText(whole)];
  const message = `connect_timeout ${longer} is more than timeout allows for the whole probe, ${shorter}: make timeout ${longer} or more, or connect_timeout ${shorter} or less`;
  return [errorAt([...path, 'connect_timeout'], message)];
}

/** Hardly any certificate names an IP address. */
function nameless({ https }: CheckDraft, path: Path): readonly Finding[] {
  if (https === undefined || 'host' in https || https.verify !== true) return [];
  const message =
    "without host, the certificate must name the real server's IP address: add host, or verify: false to accept any certificate";
  return [warningAtKey([...path, 'https'], message)];
}

/** Every kind of check opens a TCP connection. */
function datagrams({ value: { protocol } }: Service, check: CheckDraft, path: Path): readonly Finding[] {
  if ((protocol !== 'udp' && protocol !== 'sctp') || 'port' in check) return [];
  const message = `the check asks over TCP, but the service is ${protocol.toUpperCase()}: add port if the real servers answer TCP elsewhere`;
  return [warningAtKey(path, message)];
}

/** Of several ports the first is asked; every port, or a mark, has no first. */
function whichPort(
  { selector }: Service,
  check: CheckDraft,
  asked: readonly Server[],
  path: Path,
): readonly Finding[] {
  if (selector === undefined || 'port' in check) return [];
  const what = selector.port === 'any' ? 'port: any' : selector.mark === undefined ? undefined : 'a mark';
  if (what === undefined || asked.every(({ value }) => 'port' in value)) return [];
  return [
    errorAtKey(path, `the check does not know where to connect, since the service has ${what}: add port`),
  ];
}
