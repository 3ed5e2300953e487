/**
 * What the status says of the table, worked out once for each table: sixty thousand entries are not counted together
 * again for everybody who asks, while nobody has changed any.
 */
import { digestSteps } from '../balance/digest.ts';
import { entryOf, sorryEntry, takesPart } from '../balance/entry.ts';
import { PresentTable, sumOf } from '../balance/present.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
} from '../model/config.ts';
import {
  type ActualTable,
  type ActualVirtualServer,
  type ConnectionCounts,
  realServerKey,
  type TableKey,
  type TableRealServer,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { atOnce, eachOf, mapped, type Steps } from '../model/steps.ts';

/** A server in all entries of its definition together. */
export interface HeldServer {
  /** The greatest; undefined: no entry has it. */
  readonly weight: number | undefined;
  readonly connections: ConnectionCounts | undefined;
}

export interface Summary {
  readonly entries: readonly string[];
  readonly digest: string;
  readonly servers: ReadonlyMap<ConfiguredRealServer | ConfiguredSorryServer, HeldServer>;
}

const SUMMARIES = new WeakMap<ActualTable, WeakMap<ConfiguredVirtualServer, Summary>>();
const PRESENT = new WeakMap<ActualTable, PresentTable>();

/** `actual` to be looked things up in. */
export function* presentIn(actual: ActualTable): Steps<PresentTable> {
  const present = PRESENT.get(actual) ?? (yield* PresentTable.inSteps(actual));
  PRESENT.set(actual, present);
  return present;
}

export function* summaryOf(virtualServer: ConfiguredVirtualServer, actual: ActualTable): Steps<Summary> {
  const summaries = SUMMARIES.get(actual) ?? new WeakMap<ConfiguredVirtualServer, Summary>();
  SUMMARIES.set(actual, summaries);
  const known = summaries.get(virtualServer);
  if (known !== undefined) return known;
  const summary = yield* summarised(virtualServer, yield* presentIn(actual));
  summaries.set(virtualServer, summary);
  return summary;
}

function* summarised(virtualServer: ConfiguredVirtualServer, present: PresentTable): Steps<Summary> {
  const { entries, realServers, sorryServers } = virtualServer;
  const held: ActualVirtualServer[] = [];
  yield* eachOf(entries, (key) => {
    const entry = present.virtualServer(key);
    if (entry !== undefined) held.push(entry);
  });
  const servers = new Map<ConfiguredRealServer | ConfiguredSorryServer, HeldServer>();
  for (const server of realServers) {
    const at = (key: TableKey) => entryOf(key, server, 0);
    servers.set(server, together(yield* heldSteps(virtualServer, server, at, present)));
  }
  for (const sorry of sorryServers) {
    const at = (key: TableKey) => sorryEntry(key, sorry, 0);
    servers.set(sorry, together(yield* heldSteps(virtualServer, sorry, at, present)));
  }
  return { entries: yield* mapped(entries, tableKeyText), digest: yield* digestSteps(held), servers };
}

const together = (held: readonly Held[]): HeldServer => ({
  weight: held.length === 0 ? undefined : held.reduce((most, { weight }) => Math.max(most, weight), 0),
  connections: sumOf(held.map(({ connections }) => connections)),
});

type Held = ActualVirtualServer['realServers'][number];

/** The server in every entry of its definition that has it. */
export const heldOf = (...given: Parameters<typeof heldSteps>): readonly Held[] =>
  atOnce(heldSteps(...given));

function* heldSteps(
  virtualServer: Pick<ConfiguredVirtualServer, 'entries'>,
  server: Pick<TableRealServer, 'address'>,
  at: (key: TableKey) => TableRealServer,
  present: PresentTable,
): Steps<readonly Held[]> {
  const all: Held[] = [];
  yield* eachOf(virtualServer.entries, (key) => {
    if (!takesPart(virtualServer, key, server)) return;
    const held = present.realServer(key, realServerKey(at(key)));
    if (held !== undefined) all.push(held);
  });
  return all;
}
