/** Virtual servers and real servers as `status` shows them: configuration, health, overrides and kernel put side by side. */
import { digestOf } from '../balance/digest.ts';
import { entryOf, serverName, sorryEntry, takesPart } from '../balance/entry.ts';
import { type PresentTable, sumOf } from '../balance/present.ts';
import type { Assessment } from '../balance/quorum.ts';
import { targetOf } from '../balance/targets.ts';
import type { Health } from '../model/check.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
} from '../model/config.ts';
import {
  type ActualVirtualServer,
  realServerKey,
  type TableKey,
  type TableRealServer,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { OverrideOf } from '../model/override.ts';
import type { RealServerStatus, SorryServerStatus, VirtualServerStatus } from '../model/status.ts';

export interface ServerFacts {
  readonly present: PresentTable;
  readonly overrideOf: OverrideOf;
  healthOf(targetId: string): Health | undefined;
  sorryPhase(key: string): SorryServerStatus['state'];
  assessment(name: string): Assessment;
  /** Whether the checks of a virtual server rest. */
  rests(name: string): boolean;
}

export function virtualServerStatus(
  virtualServer: ConfiguredVirtualServer,
  facts: ServerFacts,
): VirtualServerStatus {
  const { check, entries, name, quorum, scheduler, sorryServers } = virtualServer;
  const [first, ...others] = entries.map(tableKeyText);
  const { state, healthy } = facts.assessment(name);
  return {
    name,
    entries: [first ?? tableKeyText(entries[0]), ...others],
    scheduler,
    forwarding: virtualServer.realServers[0]?.forwarding ?? 'dr',
    checks: check === undefined ? 'none' : facts.rests(name) ? 'resting' : 'running',
    quorum: { state, healthy, ...quorum },
    digest: digestOf(entries.flatMap((key) => facts.present.virtualServer(key) ?? [])),
    realServers: virtualServer.realServers.map((server) => realServerStatus(virtualServer, server, facts)),
    sorryServers: sorryServers.map((sorry) => sorryServerStatus(virtualServer, sorry, facts)),
  };
}

/** The server in every entry of its definition that has it. */
export function heldOf(
  virtualServer: Pick<ConfiguredVirtualServer, 'entries'>,
  server: Pick<TableRealServer, 'address'>,
  at: (key: TableKey) => TableRealServer,
  present: PresentTable,
): readonly ActualVirtualServer['realServers'][number][] {
  return virtualServer.entries
    .filter((key) => takesPart(virtualServer, key, server))
    .flatMap((key) => present.realServer(key, realServerKey(at(key))) ?? []);
}

function realServerStatus(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer,
  facts: ServerFacts,
): RealServerStatus {
  const held = heldOf(virtualServer, server, (key) => entryOf(key, server, 0), facts.present);
  return {
    server: serverName(server),
    weight: server.weight,
    tableWeight: held.length === 0 ? undefined : Math.max(...held.map(({ weight }) => weight)),
    upperThreshold: server.upperThreshold,
    lowerThreshold: server.lowerThreshold,
    override: facts.overrideOf(virtualServer.name, server),
    inTable: held.length > 0,
    health: healthOf(virtualServer, server, facts),
    connections: sumOf(held.map(({ connections }) => connections)),
  };
}

function sorryServerStatus(
  virtualServer: ConfiguredVirtualServer,
  sorry: ConfiguredSorryServer,
  facts: ServerFacts,
): SorryServerStatus {
  const held = heldOf(virtualServer, sorry, (key) => sorryEntry(key, sorry, 0), facts.present);
  const phases = virtualServer.entries.map((key) => facts.sorryPhase(tableKeyText(key)));
  const phase = phases.find((each) => each !== 'idle') ?? 'idle';
  return {
    server: serverName(sorry),
    // Of several, one that is not healthy is left out.
    state: held.length === 0 ? 'idle' : phase,
    health: healthOf(virtualServer, sorry, facts),
    connections: sumOf(held.map(({ connections }) => connections)),
  };
}

function healthOf(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer | ConfiguredSorryServer,
  facts: ServerFacts,
): Health | undefined {
  const target = targetOf(virtualServer, server);
  return target === undefined ? undefined : facts.healthOf(target.id);
}
