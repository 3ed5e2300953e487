/**
 * What the kernel's table still holds, as if it were configured, though the configuration no longer says it: real
 * servers that serve until those that replace them have been checked, what could not be removed, and what is somebody
 * else's. The kernel settings that these need must stay. Pure.
 */
import { entryOf, sorryEntry } from '../balance/entry.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type ActualVirtualServer,
  realServerKey,
  type TableKey,
  type TableRealServer,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { SERVICE_FLAG } from '../model/service-flags.ts';
import { SCHEDULERS } from '../model/virtual-server.ts';
import type { PreparedFor } from './director.ts';

/** Behind what is to go, in words, where something in the table still needs it. */
export const ONCE_UNUSED = ', once nothing in the table needs it';

/** `virtualServers`: of the configuration. */
export function remnantsOf(
  table: ActualTable,
  virtualServers: readonly ConfiguredVirtualServer[],
): readonly PreparedFor[] {
  const definitions = new Map(
    virtualServers.flatMap((each) => each.entries.map((key) => [tableKeyText(key), each] as const)),
  );
  return table.flatMap((entry) => {
    const definition = definitions.get(tableKeyText(entry.key));
    const configured = definition && configuredAt(entry.key, definition);
    const left = entry.realServers.filter((server) => configured?.has(nameOf(server)) !== true);
    return left.length === 0 ? [] : [asConfigured(entry, left)];
  });
}

/** By `nameOf`: an entry of 10,000 real servers is looked at again and again. */
const configuredAt = (
  key: TableKey,
  { realServers, sorryServers }: ConfiguredVirtualServer,
): ReadonlySet<string> =>
  new Set([
    ...realServers.map((server) => nameOf(entryOf(key, server, 0))),
    ...sorryServers.map((server) => nameOf(sorryEntry(key, server, 0))),
  ]);

const nameOf = (server: TableRealServer): string => `${realServerKey(server)} ${server.forwarding}`;

/** The table tells less than a file: where it may have been one or the other, it was what needs more. */
const asConfigured = (
  { key, settings }: ActualVirtualServer,
  left: readonly TableRealServer[],
): PreparedFor => ({
  entries: [key],
  match: [],
  // One that we do not know needs nothing.
  scheduler: SCHEDULERS.find((name) => name === settings.scheduler) ?? 'wlc',
  persistence: (settings.flags & SERVICE_FLAG.persistent) === 0 ? undefined : {},
  onFailure: 'drain',
  sorryServers: [],
  realServers: left.map(({ address, forwarding }) => ({
    address,
    forwarding: forwarding === 'nat' ? 'fullnat' : forwarding === 'tun' ? 'tun' : 'dr',
  })),
});
