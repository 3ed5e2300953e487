/** What the kernel's table should hold: a pure function of the configuration, the health and the table itself. */
import { isLoopback } from '../model/address.ts';
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
import { nextSorryPhase, SORRY_IDLE, type SorryPhase } from './sorry.ts';
import { targetOf } from './targets.ts';

/** What is known of the health of a target, by its id. */
export type HealthOf = (targetId: string) => Health | undefined;

export interface Desired {
  readonly table: DesiredTable;
  /** The phase of each sorry server, by the key of its virtual server: to be handed in again the next time. */
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
  const table = virtualServers.map((virtualServer) => {
    const key = tableKeyText(keyOf(virtualServer));
    const present = inKernel.get(key);
    const serving = virtualServer.realServers.filter((server) => {
      const target = targetOf(virtualServer, server);
      return takesTraffic(server, target === undefined ? ALWAYS : healthOf(target.id), present);
    });
    const phase = sorryPhase(virtualServer, serving, present, sorry.get(key) ?? SORRY_IDLE, now);
    phases.set(key, phase);
    return desiredVirtualServer(virtualServer, serving, phase);
  });
  return { table, sorry: phases };
}

export const keyOf = (virtualServer: ConfiguredVirtualServer): TableKey => ({
  kind: 'address',
  protocol: virtualServer.protocol,
  address: virtualServer.address,
  port: virtualServer.port,
});

/**
 * How the sorry server is entered. On a loopback address it is this director itself, whatever the forwarding method:
 * the kernel delivers dr to 127.0.0.1 locally, but refuses to masquerade to it, and the client would hang.
 */
export function sorryEntry(
  virtualServer: ConfiguredVirtualServer,
  weight: number,
): TableRealServer | undefined {
  const { sorryServer } = virtualServer;
  if (sorryServer === undefined) return undefined;
  const forwarding = isLoopback(sorryServer.address) ? 'dr' : virtualServer.forwarding;
  return { ...sorryServer, forwarding, weight, upperThreshold: 0, lowerThreshold: 0 };
}

/** The health of a real server that nobody checks. */
const ALWAYS: Health = { healthy: true, against: 0, last: undefined };

/**
 * Before its first result, a real server stays what it is in the kernel: a fresh one takes no traffic, while one
 * that serves already goes on through a restart of the daemon or a change of its check.
 */
function takesTraffic(
  server: ConfiguredRealServer,
  health: Health | undefined,
  present: ActualVirtualServer | undefined,
): boolean {
  if (health?.healthy !== undefined) return health.healthy;
  return connectionsOf(present, server) !== undefined;
}

function sorryPhase(
  virtualServer: ConfiguredVirtualServer,
  serving: readonly ConfiguredRealServer[],
  present: ActualVirtualServer | undefined,
  before: SorryPhase,
  now: Instant,
): SorryPhase {
  const { sorryServer, scheduler } = virtualServer;
  if (sorryServer === undefined) return SORRY_IDLE;
  const canServe = serving.some((server) => server.weight > 0);
  return nextSorryPhase(before, canServe, scheduler, connectionsOf(present, sorryServer), now);
}

function desiredVirtualServer(
  virtualServer: ConfiguredVirtualServer,
  serving: readonly ConfiguredRealServer[],
  phase: SorryPhase,
): DesiredVirtualServer {
  const { forwarding } = virtualServer;
  const real = serving.map(
    ({ address, port, weight }): TableRealServer => ({
      address,
      port,
      forwarding,
      weight,
      upperThreshold: 0,
      lowerThreshold: 0,
    }),
  );
  const sorry =
    phase.phase === 'idle' ? undefined : sorryEntry(virtualServer, phase.phase === 'in-use' ? 1 : 0);
  return {
    key: keyOf(virtualServer),
    settings: settingsOf(virtualServer),
    realServers: sorry === undefined ? real : [...real, sorry],
  };
}

const settingsOf = (virtualServer: ConfiguredVirtualServer): TableSettings => ({
  scheduler: virtualServer.scheduler,
  flags: 0,
  timeout: 0,
  granularity: 32,
  engine: '',
});

export function connectionsOf(
  present: ActualVirtualServer | undefined,
  server: Pick<TableRealServer, 'address' | 'port'>,
): ConnectionCounts | undefined {
  const wanted = realServerKey(server);
  return present?.realServers.find((entry) => realServerKey(entry) === wanted)?.connections;
}
