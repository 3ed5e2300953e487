import { type BalanceFacts, desiredTable, type HealthOf } from '../../../src/balance/desired.ts';
import type { SorryPhase } from '../../../src/balance/sorry.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { Check, Health } from '../../../src/model/check.ts';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import type { ActualTable, DesiredTable, TableOperation } from '../../../src/model/ipvs-table.ts';
import { realServerKey, tableKeyText } from '../../../src/model/ipvs-table.ts';
import { NO_OVERRIDES } from '../../../src/model/override.ts';
import { type Instant, milliseconds } from '../../../src/model/units.ts';
import { realServerAt, sorryServerAt, virtualServer } from '../../support/virtual-server.ts';

export const ip = (text: string) => text as IpAddress;

export const check: Check = {
  probe: { kind: 'tcp' },
  interval: milliseconds(3000),
  connectTimeout: milliseconds(1000),
  timeout: milliseconds(2000),
  rise: 1,
  fall: 1,
  port: undefined,
};

export const web: ConfiguredVirtualServer = virtualServer({
  scheduler: 'wrr',
  check,
  sorryServers: [sorryServerAt('127.0.0.1')],
  realServers: [realServerAt('10.1.1.2', { weight: 2 }), realServerAt('10.1.1.3')],
});

export const up: Health = { healthy: true, against: 0, last: undefined };
export const down: Health = { healthy: false, against: 0, last: undefined };

/** What a kernel does with operations, as far as a table of settings goes; each server has the given connections. */
export function applied(
  table: ActualTable,
  operations: readonly TableOperation[],
  connections = { active: 0, inactive: 0, persistent: 0 },
): ActualTable {
  const next = new Map(table.map((entry) => [tableKeyText(entry.key), entry]));
  for (const operation of operations) {
    const key = tableKeyText(operation.key);
    const entry = next.get(key);
    if (operation.op === 'add-virtual-server' || operation.op === 'edit-virtual-server') {
      next.set(key, {
        key: operation.key,
        settings: operation.settings,
        realServers: entry?.realServers ?? [],
      });
    } else if (operation.op === 'remove-virtual-server') {
      next.delete(key);
    } else {
      if (entry === undefined) throw new Error(`${operation.op} before its virtual server`);
      const { realServer } = operation;
      const others = entry.realServers.filter(
        (server) => realServerKey(server) !== realServerKey(realServer),
      );
      const gone = operation.op === 'remove-real-server';
      next.set(key, { ...entry, realServers: gone ? others : [...others, { ...realServer, connections }] });
    }
  }
  return [...next.values()];
}

export const actualOf = (
  table: DesiredTable,
  connections = { active: 0, inactive: 0, persistent: 0 },
): ActualTable =>
  table.map((entry) => ({
    ...entry,
    realServers: entry.realServers.map((server) => ({ ...server, connections })),
  }));

/** Health alone, without overrides and without a past. */
export const factsOf = (healthOf: HealthOf, more: Partial<BalanceFacts> = {}): BalanceFacts => ({
  healthOf,
  overrideOf: NO_OVERRIDES,
  quorumBefore: () => 'unknown',
  ...more,
});

/** `desiredTable` by health alone. */
export const desiredBy = (
  virtualServers: readonly ConfiguredVirtualServer[],
  healthOf: HealthOf,
  actual: ActualTable,
  sorry: ReadonlyMap<string, SorryPhase>,
  now: Instant,
) => desiredTable(virtualServers, factsOf(healthOf), actual, sorry, now);
