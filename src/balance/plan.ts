/**
 * The plan: the fewest operations that turn the kernel's table into the desired one, in an order in which no virtual
 * server is empty while something could serve. Entries that fit are not touched, so their connections live on.
 */
import {
  type ActualTable,
  type ActualVirtualServer,
  type DesiredRealServer,
  type DesiredTable,
  type DesiredVirtualServer,
  realServerKey,
  type TableKey,
  type TableOperation,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
  tunnelOf,
} from '../model/ipvs-table.ts';
import { SERVICE_FLAG } from '../model/service-flags.ts';
import { atOnce, eachOf, type Steps } from '../model/steps.ts';
import { sameTunnel } from '../model/virtual-server.ts';
import { byKey } from './present.ts';
import { isOrdered } from './settings.ts';

/** Who owns what in the table. */
export interface Ownership {
  /** Keys (`tableKeyText`) of virtual servers that we put there or adopted, now or before a restart. */
  readonly owned: ReadonlySet<string>;
  /** Whether everything in the table is ours. */
  readonly exclusive: boolean;
}

/** What to do, and what to leave alone. */
export interface Plan {
  readonly operations: readonly TableOperation[];
  /** Keys of virtual servers that are not ours and are left alone. */
  readonly foreign: readonly string[];
}

export const planTable = (desired: DesiredTable, actual: ActualTable, ownership: Ownership): Plan =>
  atOnce(planTableSteps(desired, actual, ownership));

export function* planTableSteps(
  desired: DesiredTable,
  actual: ActualTable,
  ownership: Ownership,
): Steps<Plan> {
  const present = yield* byKey(actual);
  const wanted = new Set<string>();
  const operations: TableOperation[] = [];
  yield* eachOf(desired, (entry) => {
    const text = tableKeyText(entry.key);
    for (const operation of planVirtualServer(entry, present.get(text))) operations.push(operation);
    wanted.add(text);
  });
  const foreign: string[] = [];
  yield* eachOf(present, ([text, { key }]) => {
    if (wanted.has(text)) return;
    if (ownership.exclusive || ownership.owned.has(text))
      operations.push({ op: 'remove-virtual-server', key });
    else foreign.push(text);
  });
  return { operations, foreign };
}

function planVirtualServer(
  desired: DesiredVirtualServer,
  actual: ActualVirtualServer | undefined,
): readonly TableOperation[] {
  const { key, settings } = desired;
  if (actual === undefined) {
    return [
      { op: 'add-virtual-server', key, settings },
      ...desired.realServers.flatMap((server) => addition(key, server)),
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
  if (isAsAdded(desired, actual)) return [];
  const present = new Map(actual.realServers.map((server) => [realServerKey(server), server]));
  const wanted = new Set(desired.realServers.map(realServerKey));
  const inPlace = isOrdered(desired.settings) ? countInPlace(desired, actual, wanted) : Infinity;
  const adds: TableOperation[] = [];
  const raises: TableOperation[] = [];
  const lowers: TableOperation[] = [];
  desired.realServers.forEach((realServer, i) => {
    const was = present.get(realServerKey(realServer));
    if (was === undefined) adds.push(...addition(key, realServer));
    else if (i >= inPlace) adds.push(removal(key, was), ...addition(key, realServer));
    else if (!sameRealServer(realServer, was)) {
      const edits = realServer.weight < was.weight ? lowers : raises;
      edits.push({
        op: 'edit-real-server',
        key,
        realServer: withoutNotes(realServer),
        was: withoutNotes(was),
      });
    }
  });
  const removes = actual.realServers
    .filter((server) => !wanted.has(realServerKey(server)))
    .map((server) => removal(key, server));
  return [...adds, ...raises, ...lowers, ...removes];
}

/** The common case, and the fast one: the kernel has just what was added, and in that order. */
function isAsAdded({ realServers }: DesiredVirtualServer, actual: ActualVirtualServer): boolean {
  const held = actual.realServers;
  return (
    held.length === realServers.length &&
    realServers.every((wanted, i) => {
      // The newest comes first.
      const present = held[held.length - 1 - i];
      return (
        present !== undefined &&
        present.address === wanted.address &&
        present.port === wanted.port &&
        sameRealServer(wanted, present)
      );
    })
  );
}

/**
 * How many real servers, from the first wanted one on, were added in the wanted order: the kernel lists the newest
 * first and adds only there, so whatever comes after has to be added anew. It finds the connections of one that comes
 * back at once again.
 */
function countInPlace(
  { realServers }: DesiredVirtualServer,
  actual: ActualVirtualServer,
  wanted: ReadonlySet<string>,
): number {
  const added = actual.realServers
    .map(realServerKey)
    .filter((name) => wanted.has(name))
    .reverse();
  const first = realServers.findIndex((server, i) => realServerKey(server) !== added[i]);
  return first === -1 ? realServers.length : first;
}

/**
 * One that does not serve is added with its full weight all the same where that is what places it (`mh` keeps the last
 * weight that was not 0), and loses it at once: so it gets the same place as on a director where it served before.
 */
function addition(key: TableKey, server: DesiredRealServer): readonly TableOperation[] {
  const realServer = withoutNotes(server);
  const { fullWeight = 0 } = server;
  if (server.weight > 0 || fullWeight === 0) return [{ op: 'add-real-server', key, realServer }];
  const full = { ...realServer, weight: fullWeight };
  return [
    { op: 'add-real-server', key, realServer: full },
    { op: 'edit-real-server', key, realServer, was: full },
  ];
}

const removal = (key: TableKey, server: TableRealServer): TableOperation => ({
  op: 'remove-real-server',
  key,
  realServer: withoutNotes(server),
});

function sameSettings(a: TableSettings, b: TableSettings): boolean {
  return (
    a.scheduler === b.scheduler &&
    (a.flags & ~SERVICE_FLAG.hashed) === (b.flags & ~SERVICE_FLAG.hashed) &&
    a.timeout === b.timeout &&
    a.engine === b.engine &&
    // Without persistence the granularity means nothing, and the kernel keeps whatever was there.
    (a.timeout === 0 || (a.granularity === b.granularity && a.mask === b.mask))
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

/** As the kernel is told of it: neither connections nor full weight. */
const withoutNotes = (server: TableRealServer): TableRealServer => ({
  address: server.address,
  port: server.port,
  forwarding: server.forwarding,
  weight: server.weight,
  upperThreshold: server.upperThreshold,
  lowerThreshold: server.lowerThreshold,
  ...(server.tunnel !== undefined && { tunnel: server.tunnel }),
});
