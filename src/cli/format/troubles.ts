/** What is wrong, each kind in a line with the names, for somebody who was woken up: the rest of the status has the details. */
import { shownWord } from '../../model/router-status.ts';
import type { RealServerStatus, StatusDocument, VirtualServerStatus } from '../../model/status.ts';
import type { Style } from './style.ts';
import { countOf, printable } from './text.ts';

/** Names in a line; the sections have all. */
const MOST_NAMES = 8;

/** Nothing where everything is as it should be. */
export function formatTroubles(status: StatusDocument, style: Style): string[] {
  const lines = [
    // Why nobody serves then stands in the line of the table.
    ...(status.table.unavailable === undefined || status.virtualServers.length === 0
      ? serviceTroubles(status, style)
      : [style.bad('no IPVS TABLE, so no service is balanced')]),
    ...routerTroubles(status, style),
    ...lesserTroubles(status, style),
  ];
  return lines.map((line, i) => `${i === 0 ? 'trouble        ' : '               '}${line}`);
}

function routerTroubles({ virtualRouters }: StatusDocument, style: Style): string[] {
  const faults = virtualRouters.filter((router) => shownWord(router) === 'FAULT').map(({ name }) => name);
  const silent = virtualRouters.flatMap(({ name, paths = [] }) =>
    paths.some((path) => path.interface !== paths[0]?.interface)
      ? paths
          .filter(({ state }) => state === 'silent' || state === 'down')
          .map((path) => `${name} on ${path.interface}`)
      : [],
  );
  return [
    ...named('virtual routers in FAULT', faults, style.bad),
    ...named('heartbeat paths silent or down', [...new Set(silent)], style.bad),
  ];
}

/** Forgotten, they leave the other director without a successor. */
const standbys = ({ virtualRouters }: StatusDocument): readonly string[] =>
  virtualRouters.filter(({ standby }) => standby).map(({ name }) => name);

/** A director whose checks rest does not serve. */
function serviceTroubles({ virtualServers }: StatusDocument, style: Style): string[] {
  const namesOf = (test: (server: VirtualServerStatus) => boolean): readonly string[] =>
    virtualServers.filter((server) => server.checks !== 'resting' && test(server)).map(({ name }) => name);
  return [
    ...named('NOBODY serves', namesOf(servesNobody), style.bad),
    ...named('SORRY SERVER in use', namesOf(standsIn), style.bad),
    ...named('QUORUM LOST', namesOf(hasLostQuorum), style.bad),
  ];
}

function lesserTroubles(status: StatusDocument, style: Style): string[] {
  const { virtualServers, overrides } = status;
  const down = virtualServers.flatMap(({ name, realServers }) =>
    realServers.filter(isDown).map(({ server }) => `${name} ${server}`),
  );
  return [
    ...named('kept a backup by command, until vipward resume', standbys(status), style.doubtful),
    ...named(countOf(down.length, 'real server').concat(' down'), down, style.doubtful),
    ...named(
      'overridden by command',
      overrides.map(({ service, server }) => `${service} ${server}`),
      style.doubtful,
    ),
  ];
}

function named(what: string, names: readonly string[], paint: (text: string) => string): string[] {
  if (names.length === 0) return [];
  const rest = names.length - MOST_NAMES;
  const shown = names.slice(0, MOST_NAMES).map(printable).join(', ');
  return [`${paint(what)}: ${shown}${rest > 0 ? ` and ${rest} more` : ''}`];
}

const isDown = ({ health }: RealServerStatus): boolean => health?.healthy === false;

/** How many real servers take new connections. */
export const servingCount = ({ realServers }: VirtualServerStatus): number =>
  realServers.filter(({ tableWeight = 0 }) => tableWeight > 0).length;

export const standsIn = ({ sorryServers }: VirtualServerStatus): boolean =>
  sorryServers.some(({ state }) => state === 'in-use');

export const servesNobody = (server: VirtualServerStatus): boolean =>
  !standsIn(server) && servingCount(server) === 0;

/** That a quorum of 1 is lost says no more than that nobody serves. */
export const hasLostQuorum = (server: VirtualServerStatus): boolean =>
  server.quorum.state === 'lost' && (server.quorum.weight > 1 || servingCount(server) > 0);
