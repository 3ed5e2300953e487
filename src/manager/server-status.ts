/** Virtual servers and real servers as `status` shows them: configuration, health and kernel put side by side. */
import { connectionsOf, sumOf } from '../balance/desired.ts';
import { entryOf, serverName, sorryEntry, takesPart } from '../balance/entry.ts';
import { targetOf } from '../balance/targets.ts';
import type { Health } from '../model/check.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type ConnectionCounts,
  type TableKey,
  type TableRealServer,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { SorryServerStatus, VirtualServerStatus } from '../model/status.ts';

export interface ServerFacts {
  readonly actual: ActualTable;
  healthOf(targetId: string): Health | undefined;
  sorryPhase(key: string): SorryServerStatus['state'];
}

export function virtualServerStatus(
  virtualServer: ConfiguredVirtualServer,
  facts: ServerFacts,
): VirtualServerStatus {
  const { entries, name, scheduler, sorryServers } = virtualServer;
  const present = new Map(facts.actual.map((entry) => [tableKeyText(entry.key), entry]));
  /** What all entries of the definition that have the server hold together. */
  const held = (at: (key: TableKey) => TableRealServer, server: Pick<TableRealServer, 'address'>) =>
    sumOf(
      entries
        .filter((key) => takesPart(virtualServer, key, server))
        .flatMap((key): readonly ConnectionCounts[] => {
          const connections = connectionsOf(present.get(tableKeyText(key)), at(key));
          return connections === undefined ? [] : [connections];
        }),
    );
  const [first, ...others] = entries.map(tableKeyText);
  return {
    name,
    entries: [first ?? tableKeyText(entries[0]), ...others],
    scheduler,
    forwarding: virtualServer.realServers[0]?.forwarding ?? 'dr',
    realServers: virtualServer.realServers.map((server) => {
      const target = targetOf(virtualServer, server);
      const connections = held((key) => entryOf(key, server, 0), server);
      return {
        server: serverName(server),
        weight: server.weight,
        inTable: connections !== undefined,
        health: target === undefined ? undefined : facts.healthOf(target.id),
        connections,
      };
    }),
    sorryServers: sorryServers.map((sorry) => ({
      server: serverName(sorry),
      state: facts.sorryPhase(tableKeyText(entries[0])),
      connections: held((key) => sorryEntry(key, sorry, 0), sorry),
    })),
  };
}
