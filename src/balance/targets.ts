/** Which probes the virtual servers need: each distinct one once, however many virtual servers ask for it. */
import { createHash } from 'node:crypto';
import type { CheckTarget } from '../model/check.ts';
import type { ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import { type ActualTable, realServerKey, tableKeyText } from '../model/ipvs-table.ts';
import { entryOf } from './entry.ts';

/** The target that decides about `realServer`, or undefined when its virtual server has no check. */
export function targetOf(
  virtualServer: ConfiguredVirtualServer,
  realServer: ConfiguredRealServer,
): CheckTarget | undefined {
  const { check } = virtualServer;
  if (check === undefined) return undefined;
  const port = check.port ?? realServer.port ?? firstPort(virtualServer);
  const what = { address: realServer.address, port, check };
  const id = createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 22);
  return { id, ...what };
}

/** Of several ports the first speaks for all; the configuration demands a port of the check where there is none. */
const firstPort = ({ entries: [first] }: ConfiguredVirtualServer): number =>
  first.kind === 'mark' ? 0 : first.port;

/**
 * The targets of the virtual servers that have none of their real servers in the kernel's table: only checks can tell
 * whether there is anything behind them. One that serves already needs no such proof.
 */
export function coldTargets(
  virtualServers: readonly ConfiguredVirtualServer[],
  actual: ActualTable,
): readonly CheckTarget[] {
  const held = new Set(
    actual.flatMap(({ key, realServers }) =>
      realServers.map((server) => `${realServerKey(server)} of ${tableKeyText(key)}`),
    ),
  );
  const isCold = (virtualServer: ConfiguredVirtualServer) =>
    !virtualServer.entries.some((key) =>
      virtualServer.realServers.some((server) =>
        held.has(`${realServerKey(entryOf(key, server, 0))} of ${tableKeyText(key)}`),
      ),
    );
  return checkTargets(virtualServers.filter(isCold));
}

/** Every target of `virtualServers`, without duplicates, in the order of the configuration. */
export function checkTargets(virtualServers: readonly ConfiguredVirtualServer[]): readonly CheckTarget[] {
  const targets = new Map<string, CheckTarget>();
  for (const virtualServer of virtualServers) {
    for (const realServer of virtualServer.realServers) {
      const target = targetOf(virtualServer, realServer);
      if (target !== undefined && !targets.has(target.id)) targets.set(target.id, target);
    }
  }
  return [...targets.values()];
}
