/** Virtual servers and real servers as `status` shows them: configuration, health, overrides and kernel put side by side. */
import { serverName } from '../balance/entry.ts';
import type { Assessment } from '../balance/quorum.ts';
import { targetOf } from '../balance/targets.ts';
import type { Health } from '../model/check.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
} from '../model/config.ts';
import { type ActualTable, tableKeyText } from '../model/ipvs-table.ts';
import type { OverrideOf } from '../model/override.ts';
import type { RealServerStatus, SorryServerStatus, VirtualServerStatus } from '../model/status.ts';
import type { Steps } from '../model/steps.ts';
import { type HeldServer, summaryOf } from './table-summary.ts';

export interface ServerFacts {
  readonly actual: ActualTable;
  readonly overrideOf: OverrideOf;
  healthOf(targetId: string): Health | undefined;
  sorryPhase(key: string): SorryServerStatus['state'];
  assessment(name: string): Assessment;
  /** Whether the checks of a virtual server rest. */
  rests(name: string): boolean;
}

export function* virtualServerStatus(
  virtualServer: ConfiguredVirtualServer,
  facts: ServerFacts,
): Steps<VirtualServerStatus> {
  const { check, entries, name, quorum, scheduler, realServers, sorryServers } = virtualServer;
  const summary = yield* summaryOf(virtualServer, facts.actual);
  const [first, ...others] = summary.entries;
  const { state, healthy } = facts.assessment(name);
  const heldAs = (server: ConfiguredRealServer | ConfiguredSorryServer) =>
    summary.servers.get(server) ?? NOWHERE;
  return {
    name,
    entries: [first ?? tableKeyText(entries[0]), ...others],
    scheduler,
    forwarding: realServers[0]?.forwarding ?? 'dr',
    checks: check === undefined ? 'none' : facts.rests(name) ? 'resting' : 'running',
    quorum: { state, healthy, ...quorum },
    digest: summary.digest,
    realServers: realServers.map((server) => realServerStatus(virtualServer, server, heldAs(server), facts)),
    sorryServers: sorryServers.map((sorry) => sorryServerStatus(virtualServer, sorry, heldAs(sorry), facts)),
  };
}

const NOWHERE: HeldServer = { weight: undefined, connections: undefined };

function realServerStatus(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer,
  held: HeldServer,
  facts: ServerFacts,
): RealServerStatus {
  return {
    server: serverName(server),
    weight: server.weight,
    tableWeight: held.weight,
    upperThreshold: server.upperThreshold,
    lowerThreshold: server.lowerThreshold,
    override: facts.overrideOf(virtualServer.name, server),
    inTable: held.weight !== undefined,
    health: healthOf(virtualServer, server, facts),
    connections: held.connections,
  };
}

function sorryServerStatus(
  virtualServer: ConfiguredVirtualServer,
  sorry: ConfiguredSorryServer,
  held: HeldServer,
  facts: ServerFacts,
): SorryServerStatus {
  return {
    server: serverName(sorry),
    // Of several, one that is not healthy is left out.
    state: held.weight === undefined ? 'idle' : phaseOf(virtualServer, facts),
    health: healthOf(virtualServer, sorry, facts),
    connections: held.connections,
  };
}

/** Of the first entry whose sorry servers do anything. */
function phaseOf(
  { entries }: ConfiguredVirtualServer,
  { sorryPhase }: ServerFacts,
): SorryServerStatus['state'] {
  for (const key of entries) {
    const phase = sorryPhase(tableKeyText(key));
    if (phase !== 'idle') return phase;
  }
  return 'idle';
}

function healthOf(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer | ConfiguredSorryServer,
  facts: ServerFacts,
): Health | undefined {
  const target = targetOf(virtualServer, server);
  return target === undefined ? undefined : facts.healthOf(target.id);
}
