/** Which probes the virtual servers need: each distinct one once, however many virtual servers ask for it. */
import { hash } from 'node:crypto';
import type { Check, CheckTarget } from '../model/check.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
} from '../model/config.ts';
import { type ActualTable, realServerKey } from '../model/ipvs-table.ts';
import type { VirtualRouter } from '../model/virtual-router.ts';
import { endpoint } from '../model/virtual-server.ts';
import { entryOf } from './entry.ts';
import { PresentTable } from './present.ts';

/** The target that decides about `server`, or undefined when nobody checks it. */
export function targetOf(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer | ConfiguredSorryServer,
): CheckTarget | undefined {
  const check = 'check' in server ? server.check : virtualServer.check;
  if (check === undefined) return undefined;
  const known = TARGETS.get(virtualServer)?.get(server);
  if (known !== undefined) return known;
  const port = check.port ?? server.port ?? firstPort(virtualServer);
  const id = `${endpoint(server.address, port)} ${digestOf(check)}`;
  const target = { id, address: server.address, port, check };
  const ofDefinition = TARGETS.get(virtualServer) ?? new WeakMap();
  TARGETS.set(virtualServer, ofDefinition.set(server, target));
  return target;
}

/** With ten thousand real servers each verdict would make ten thousand targets anew. */
const TARGETS = new WeakMap<ConfiguredVirtualServer, WeakMap<object, CheckTarget>>();
const DIGESTS = new WeakMap<Check, string>();

function digestOf(check: Check): string {
  const known = DIGESTS.get(check);
  if (known !== undefined) return known;
  const digest = hash('sha256', JSON.stringify(check), 'base64url').slice(0, 22);
  DIGESTS.set(check, digest);
  return digest;
}

/** Of several ports the first speaks for all; the configuration demands a port of the check where there is none. */
const firstPort = ({ entries: [first] }: ConfiguredVirtualServer): number =>
  first.kind === 'mark' ? 0 : first.port;

/**
 * The targets of the virtual servers that have none of their real servers serving in the kernel's table: only checks can tell
 * whether there is anything behind them. One that serves already needs no such proof.
 */
export function coldTargets(
  virtualServers: readonly ConfiguredVirtualServer[],
  actual: ActualTable,
): readonly CheckTarget[] {
  const present = new PresentTable(actual);
  const isCold = (virtualServer: ConfiguredVirtualServer) =>
    !virtualServer.entries.some((key) =>
      virtualServer.realServers.some(
        (server) => (present.realServer(key, realServerKey(entryOf(key, server, 0)))?.weight ?? 0) > 0,
      ),
    );
  return checkTargets(virtualServers.filter(isCold));
}

/** Every target of `virtualServers`, without duplicates, in the order of the configuration. */
export function checkTargets(virtualServers: readonly ConfiguredVirtualServer[]): readonly CheckTarget[] {
  const targets = new Map<string, CheckTarget>();
  for (const virtualServer of virtualServers) {
    for (const server of [...virtualServer.realServers, ...virtualServer.sorryServers]) {
      const target = targetOf(virtualServer, server);
      if (target !== undefined && !targets.has(target.id)) targets.set(target.id, target);
    }
  }
  return [...targets.values()];
}

/** Which definitions a target decides about, by its id. */
export function concernedBy(
  virtualServers: readonly ConfiguredVirtualServer[],
): ReadonlyMap<string, ReadonlySet<ConfiguredVirtualServer>> {
  const concerned = new Map<string, Set<ConfiguredVirtualServer>>();
  for (const virtualServer of virtualServers) {
    for (const server of [...virtualServer.realServers, ...virtualServer.sorryServers]) {
      const target = targetOf(virtualServer, server);
      if (target === undefined) continue;
      const known = concerned.get(target.id);
      if (known === undefined) concerned.set(target.id, new Set([virtualServer]));
      else known.add(virtualServer);
    }
  }
  return concerned;
}

/**
 * Whether the checks of a definition rest (`check_while: active`): as long as none of the virtual routers that hold
 * one of its addresses is active here. Where no virtual router holds any of them, there is nothing to wait for.
 */
export function checksRest(
  { checkWhile, entries, match }: ConfiguredVirtualServer,
  virtualRouters: readonly Pick<VirtualRouter, 'name' | 'addresses'>[],
  isActive: (virtualRouter: string) => boolean,
): boolean {
  if (checkWhile === 'always') return false;
  const own = new Set([
    ...entries.flatMap((key) => (key.kind === 'address' ? [key.address] : [])),
    ...match.map(({ address }) => address),
  ]);
  const holders = virtualRouters.filter(({ addresses }) => addresses.some(({ address }) => own.has(address)));
  return holders.length > 0 && !holders.some(({ name }) => isActive(name));
}
