/** What each real server of a definition is good for just now: its health, what the operator said, what is in the table. */
import type { Health } from '../model/check.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
} from '../model/config.ts';
import { realServerKey, type TableRealServer } from '../model/ipvs-table.ts';
import type { Override, OverrideOf } from '../model/override.ts';
import { eachOf, type Steps } from '../model/steps.ts';
import { entryOf, serverName, takesPart } from './entry.ts';
import type { PresentTable } from './present.ts';
import { targetOf } from './targets.ts';

/** What is known of the health of a target, by its id. */
export type HealthOf = (targetId: string) => Health | undefined;

export interface Standing {
  readonly server: ConfiguredRealServer;
  /** The operator's weight, or the file's. */
  readonly weight: number;
  /** May it take traffic, as far as its health goes? undefined: nothing is known yet, and it does not serve. */
  readonly healthy: boolean | undefined;
  /** Whether `healthy` is what a check says, and not what is assumed until then. */
  readonly checked: boolean;
  /** Out of the table by the operator's word. */
  readonly out: boolean;
}

/** undefined: not yet known; true where nobody checks it. */
export function healthOfServer(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer | ConfiguredSorryServer,
  healthOf: HealthOf,
): boolean | undefined {
  const target = targetOf(virtualServer, server);
  return target === undefined ? true : healthOf(target.id)?.healthy;
}

/** New connections get this much; 0 when it drains or is disabled. */
export const effectiveWeight = (
  { weight }: Pick<ConfiguredRealServer, 'weight'>,
  override: Override | undefined,
): number => {
  if (override === undefined) return weight;
  return override.action === 'weight' ? (override.weight ?? weight) : 0;
};

const isOut = (override: Override | undefined): boolean =>
  override?.action === 'disable' || (override?.action === 'drain' && override.drainedAt !== undefined);

/**
 * Before its first result, a real server stays what it is in the kernel: one that serves already goes on through a
 * restart of the daemon or a change of its check. A fresh one is what the definition says (`initial`). The result is in
 * a fixed order.
 */
export function* standingsOf(
  virtualServer: ConfiguredVirtualServer,
  healthOf: HealthOf,
  overrideOf: OverrideOf,
  present: PresentTable,
): Steps<readonly Standing[]> {
  const standings: Standing[] = [];
  for (const server of inFixedOrder(virtualServer)) {
    const override = overrideOf(virtualServer.name, server);
    const weight = effectiveWeight(server, override);
    const known = healthOfServer(virtualServer, server, healthOf);
    const healthy = known ?? (yield* standsInTable(virtualServer, server, weight, present));
    const assumed = virtualServer.initial === 'up' ? true : undefined;
    standings.push({
      server,
      weight,
      healthy: healthy ?? assumed,
      checked: known !== undefined,
      out: isOut(override),
    });
  }
  return standings;
}

/** The same on every director, whatever the order in the file. */
function inFixedOrder(virtualServer: ConfiguredVirtualServer): readonly ConfiguredRealServer[] {
  const known = ORDERS.get(virtualServer);
  if (known !== undefined) return known;
  const named = virtualServer.realServers.map((server) => [serverName(server), server] as const);
  const ordered = named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, server]) => server);
  ORDERS.set(virtualServer, ordered);
  return ordered;
}

/** Each verdict would put ten thousand in order anew. */
const ORDERS = new WeakMap<ConfiguredVirtualServer, readonly ConfiguredRealServer[]>();

/** true: it serves; false: it is there with the weight of one that failed; undefined: no entry of the definition has it. */
function* standsInTable(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer,
  weight: number,
  present: PresentTable,
): Steps<boolean | undefined> {
  const held: TableRealServer[] = [];
  yield* eachOf(virtualServer.entries, (key) => {
    if (!takesPart(virtualServer, key, server)) return;
    const entry = present.realServer(key, realServerKey(entryOf(key, server, 0)));
    if (entry !== undefined) held.push(entry);
  });
  if (held.length === 0) return undefined;
  // One that failed is left with weight 0 only where the definition says so.
  return virtualServer.onFailure === 'remove' || weight === 0 || held.some((entry) => entry.weight > 0);
}
