/** Virtual servers and real servers as `status` shows them: configuration, health and kernel put side by side. */
import { connectionsOf, keyOf } from '../balance/desired.ts';
import { targetOf } from '../balance/targets.ts';
import type { Health } from '../model/check.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import { type ActualTable, realServerKey, tableKeyText } from '../model/ipvs-table.ts';
import type { VirtualServerStatus } from '../model/status.ts';

export interface ServerFacts {
  readonly actual: ActualTable;
  healthOf(targetId: string): Health | undefined;
  sorryPhase(key: string): 'idle' | 'in-use' | 'draining';
}

export function virtualServerStatus(
  virtualServer: ConfiguredVirtualServer,
  facts: ServerFacts,
): VirtualServerStatus {
  const key = tableKeyText(keyOf(virtualServer));
  const present = facts.actual.find((entry) => tableKeyText(entry.key) === key);
  const { sorryServer } = virtualServer;
  return {
    name: virtualServer.name,
    key,
    scheduler: virtualServer.scheduler,
    forwarding: virtualServer.forwarding,
    realServers: virtualServer.realServers.map((server) => {
      const target = targetOf(virtualServer, server);
      const connections = connectionsOf(present, server);
      return {
        server: realServerKey(server),
        weight: server.weight,
        inTable: connections !== undefined,
        health: target === undefined ? undefined : facts.healthOf(target.id),
        connections,
      };
    }),
    sorryServer:
      sorryServer === undefined
        ? undefined
        : {
            server: realServerKey(sorryServer),
            state: facts.sorryPhase(key),
            connections: connectionsOf(present, sorryServer),
          },
  };
}
