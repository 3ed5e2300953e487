/** What the kernel's table should hold: a pure function of the configuration, the health and the table itself. */
import type { Health } from '../model/check.ts';
import type { ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type ActualVirtualServer,
  type ConnectionCounts,
  type DesiredTable,
  type DesiredVirtualServer,
  realServerKey,
  type TableKey,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { Instant } from '../model/units.ts';
import { entryOf, familyOfKey, sorryEntry, takesPart } from './entry.ts';
import { nextSorryPhase, SORRY_IDLE, type SorryPhase } from './sorry.ts';
import { targetOf } from './targets.ts';

/** What is known of the health of a target, by its id. */
export type HealthOf = (targetId: string) => Health | undefined;

export interface Desired {
  readonly table: DesiredTable;
  /** The phase of the sorry servers of each entry, by its key: to be handed in again the next time. */
  readonly sorry: ReadonlyMap<string, SorryPhase>;
}

export function desiredTable(
  virtualServers: readonly ConfiguredVirtualServer[],
  healthOf: HealthOf,
  actual: ActualTable,
  sorry: ReadonlyMap<string, SorryPhase>,
  now: Instant,
): Desired {
  const inKernel = new Map(actual.map((entry) => [tableKeyText(entry.key), entry]));
  const phases = new Map<string, SorryPhase>();
  const table = virtualServers.flatMap((virtualServer) =>
    virtualServer.entries.map((key) => {
      const name = tableKeyText(key);
      const present = inKernel.get(name);
      const serving = virtualServer.realServers.filter((server) => {
        if (!takesPart(virtualServer, key, server)) return false;
        const target = targetOf(virtualServer, server);
        return takesTraffic(key, server, target === undefined ? ALWAYS : healthOf(target.id), present);
      });
      const phase = sorryPhase(virtualServer, key, serving, present, sorry.get(name) ?? SORRY_IDLE, now);
      phases.set(name, phase);
      return desiredVirtualServer(virtualServer, key, serving, phase);
    }),
  );
  return { table, sorry: phases };
}

/** The health of a real server that nobody checks. */
const ALWAYS: Health = { healthy: true, against: 0, last: undefined };

/**
 * Before its first result, a real server stays what it is in the kernel: a fresh one takes no traffic, while one
 * that serves already goes on through a restart of the daemon or a change of its check.
 */
function takesTraffic(
  key: TableKey,
  server: ConfiguredRealServer,
  health: Health | undefined,
  present: ActualVirtualServer | undefined,
): boolean {
  if (health?.healthy !== undefined) return health.healthy;
  return connectionsOf(present, entryOf(key, server, 0)) !== undefined;
}

function sorryPhase(
  virtualServer: ConfiguredVirtualServer,
  key: TableKey,
  serving: readonly ConfiguredRealServer[],
  present: ActualVirtualServer | undefined,
  before: SorryPhase,
  now: Instant,
): SorryPhase {
  const sorry = sorryEntries(virtualServer, key, 1);
  if (sorry.length === 0) return SORRY_IDLE;
  const canServe = serving.some((server) => server.weight > 0);
  const held = sorry.flatMap((entry) => connectionsOf(present, entry) ?? []);
  return nextSorryPhase(before, canServe, virtualServer.scheduler, sumOf(held), now);
}

/** undefined when there is none of them in the table. */
export const sumOf = (counts: readonly ConnectionCounts[]): ConnectionCounts | undefined =>
  counts.length === 0
    ? undefined
    : counts.reduce((sum, each) => ({
        active: sum.active + each.active,
        inactive: sum.inactive + each.inactive,
        persistent: sum.persistent + each.persistent,
      }));

const sorryEntries = (
  virtualServer: ConfiguredVirtualServer,
  key: TableKey,
  weight: number,
): readonly TableRealServer[] =>
  virtualServer.sorryServers
    .filter((sorry) => takesPart(virtualServer, key, sorry))
    .map((sorry) => sorryEntry(key, sorry, weight));

function desiredVirtualServer(
  virtualServer: ConfiguredVirtualServer,
  key: TableKey,
  serving: readonly ConfiguredRealServer[],
  phase: SorryPhase,
): DesiredVirtualServer {
  const real = serving.map((server) => entryOf(key, server, server.weight));
  const sorry =
    phase.phase === 'idle' ? [] : sorryEntries(virtualServer, key, phase.phase === 'in-use' ? 1 : 0);
  return { key, settings: settingsOf(virtualServer, key), realServers: [...real, ...sorry] };
}

const settingsOf = (virtualServer: ConfiguredVirtualServer, key: TableKey): TableSettings => ({
  scheduler: virtualServer.scheduler,
  flags: 0,
  timeout: 0,
  granularity: familyOfKey(key) === 'ipv4' ? 32 : 128,
  engine: '',
});

export function connectionsOf(
  present: ActualVirtualServer | undefined,
  server: Pick<TableRealServer, 'address' | 'port'>,
): ConnectionCounts | undefined {
  const wanted = realServerKey(server);
  return present?.realServers.find((entry) => realServerKey(entry) === wanted)?.connections;
}
