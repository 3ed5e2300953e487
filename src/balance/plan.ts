/**
 * The plan: the fewest operations that turn the kernel's table into the desired one, in an order in which no virtual
 * server is empty while something could serve. Entries that fit are not touched, so their connections live on.
 */
import {
  type ActualTable,
  type ActualVirtualServer,
  type DesiredTable,
  type DesiredVirtualServer,
  realServerKey,
  type TableOperation,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
  tunnelOf,
} from '../model/ipvs-table.ts';
import { SERVICE_FLAG } from '../model/service-flags.ts';
import { sameTunnel } from '../model/virtual-server.ts';

/** Who owns what in the table. */
export interface Ownership {
  /** Keys (`tableKeyText`) of virtual servers that we put there or adopted, now or before a restart. */
  readonly owned: ReadonlySet<string>;
  /** Whether everything in the table is ours. */
  readonly exclusive: boolean;
}

export interface Plan {
  readonly operations: readonly TableOperation[];
  /** Keys of virtual servers that are not ours and are left alone. */
  readonly foreign: readonly string[];
}

export function planTable(desired: DesiredTable, actual: ActualTable, ownership: Ownership): Plan {
  const present = new Map(actual.map((entry) => [tableKeyText(entry.key), entry]));
  const wanted = new Set(desired.map((entry) => tableKeyText(entry.key)));
  const undesired = actual.filter((entry) => !wanted.has(tableKeyText(entry.key)));
  const ours = (entry: ActualVirtualServer) =>
    ownership.exclusive || ownership.owned.has(tableKeyText(entry.key));

  const changes = desired.flatMap((entry) => planVirtualServer(entry, present.get(tableKeyText(entry.key))));
  const removals = undesired
    .filter(ours)
    .map(({ key }): TableOperation => ({ op: 'remove-virtual-server', key }));
  return {
    operations: [...changes, ...removals],
    foreign: undesired.filter((entry) => !ours(entry)).map((entry) => tableKeyText(entry.key)),
  };
}

function planVirtualServer(
  desired: DesiredVirtualServer,
  actual: ActualVirtualServer | undefined,
): readonly TableOperation[] {
  const { key, settings } = desired;
  if (actual === undefined) {
    return [
      { op: 'add-virtual-server', key, settings },
      ...desired.realServers.map(
        (realServer): TableOperation => ({ op: 'add-real-server', key, realServer }),
      ),
    ];
  }
  const edit: readonly TableOperation[] = sameSettings(settings, actual.settings)
    ? []
    : [{ op: 'edit-virtual-server', key, settings, was: actual.settings }];
  return [...edit, ...planRealServers(desired, actual)];
}

/** What brings capacity comes before what takes it away. */
function planRealServers(
  desired: DesiredVirtualServer,
  actual: ActualVirtualServer,
): readonly TableOperation[] {
  const { key } = desired;
  const present = new Map(actual.realServers.map((server) => [realServerKey(server), server]));
  const wanted = new Set(desired.realServers.map(realServerKey));
  const adds: TableOperation[] = [];
  const raises: TableOperation[] = [];
  const lowers: TableOperation[] = [];
  for (const realServer of desired.realServers) {
    const was = present.get(realServerKey(realServer));
    if (was === undefined) adds.push({ op: 'add-real-server', key, realServer });
    else if (!sameRealServer(realServer, was)) {
      const edits = realServer.weight < was.weight ? lowers : raises;
      edits.push({ op: 'edit-real-server', key, realServer, was: withoutCounts(was) });
    }
  }
  const removes = actual.realServers
    .filter((server) => !wanted.has(realServerKey(server)))
    .map((server): TableOperation => ({ op: 'remove-real-server', key, realServer: withoutCounts(server) }));
  return [...adds, ...raises, ...lowers, ...removes];
}

function sameSettings(a: TableSettings, b: TableSettings): boolean {
  return (
    a.scheduler === b.scheduler &&
    (a.flags & ~SERVICE_FLAG.hashed) === (b.flags & ~SERVICE_FLAG.hashed) &&
    a.timeout === b.timeout &&
    a.engine === b.engine &&
    // Without persistence the granularity means nothing, and the kernel keeps whatever was there.
    (a.timeout === 0 || a.granularity === b.granularity)
  );
}

function sameRealServer(wanted: TableRealServer, present: TableRealServer): boolean {
  return (
    wanted.weight === present.weight &&
    wanted.forwarding === present.forwarding &&
    wanted.upperThreshold === present.upperThreshold &&
    wanted.lowerThreshold === present.lowerThreshold &&
    sameTunnel(tunnelOf(wanted), tunnelOf(present))
  );
}

const withoutCounts = (server: TableRealServer): TableRealServer => ({
  address: server.address,
  port: server.port,
  forwarding: server.forwarding,
  weight: server.weight,
  upperThreshold: server.upperThreshold,
  lowerThreshold: server.lowerThreshold,
  ...(server.tunnel !== undefined && { tunnel: server.tunnel }),
});
