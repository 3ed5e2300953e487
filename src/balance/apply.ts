/** The table as the kernel has it after operations, worked out instead of read; and which of them must wait for others. */
import {
  type ActualTable,
  type ActualVirtualServer,
  realServerKey,
  type TableOperation,
  type TableRealServer,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { atOnce, eachOf, type Steps } from '../model/steps.ts';
import { byKey } from './present.ts';

const IDLE = { active: 0, inactive: 0, persistent: 0 };

/** `table` after `operations`, all of them made. The newest real server comes first, as the kernel lists them. */
export const afterOperations = (table: ActualTable, operations: readonly TableOperation[]): ActualTable =>
  atOnce(afterSteps(table, operations));

export function* afterSteps(table: ActualTable, operations: readonly TableOperation[]): Steps<ActualTable> {
  if (operations.length === 0) return table;
  const entries = yield* byKey(table);
  yield* eachOf(yield* byEntry(operations), ([text, changes]) => {
    const changed = changedEntry(entries.get(text), changes);
    if (changed === undefined) entries.delete(text);
    else entries.set(text, changed);
  });
  return [...entries.values()];
}

function changedEntry(
  entry: ActualVirtualServer | undefined,
  operations: readonly TableOperation[],
): ActualVirtualServer | undefined {
  let changed = entry;
  const held = (entry?.realServers ?? []).map((server) => [realServerKey(server), server] as const);
  // Oldest first: a Map adds at its end, the kernel at its head.
  const servers = new Map(held.reverse());
  for (const operation of operations) {
    switch (operation.op) {
      case 'add-virtual-server':
      case 'edit-virtual-server':
        changed = { key: operation.key, settings: operation.settings, realServers: [] };
        break;
      case 'remove-virtual-server':
        changed = undefined;
        servers.clear();
        break;
      case 'remove-real-server':
        servers.delete(realServerKey(operation.realServer));
        break;
      case 'add-real-server':
      case 'edit-real-server': {
        const name = realServerKey(operation.realServer);
        const connections = servers.get(name)?.connections ?? IDLE;
        servers.set(name, { ...operation.realServer, connections });
        break;
      }
      default:
        operation satisfies never;
    }
  }
  return changed && { ...changed, realServers: [...servers.values()].reverse() };
}

function* byEntry(
  operations: readonly TableOperation[],
): Steps<ReadonlyMap<string, readonly TableOperation[]>> {
  const groups = new Map<string, TableOperation[]>();
  yield* eachOf(operations, (operation) => {
    const text = tableKeyText(operation.key);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [operation]);
    else group.push(operation);
  });
  return groups;
}

export interface Stages {
  /** What adds, raises and alters, and what is taken out only to be put in again. */
  readonly first: readonly TableOperation[];
  /** What takes capacity away, when all of the first is done. */
  readonly second: readonly TableOperation[];
}

export const stagesOf = (operations: readonly TableOperation[]): Stages => atOnce(stageSteps(operations));

/** Splits a plan, so that what is added is complete, in every entry, before what it replaces goes. */
export function* stageSteps(operations: readonly TableOperation[]): Steps<Stages> {
  const comesBack = new Set<string>();
  yield* eachOf(operations, (operation) => {
    if (operation.op === 'add-real-server') comesBack.add(idOf(operation));
  });
  const takesAway = (operation: TableOperation): boolean => {
    switch (operation.op) {
      case 'remove-virtual-server':
        return true;
      case 'remove-real-server':
        return !comesBack.has(idOf(operation));
      case 'edit-real-server':
        // One that was just added with its full weight is no capacity yet.
        return operation.realServer.weight < operation.was.weight && !comesBack.has(idOf(operation));
      default:
        return false;
    }
  };
  const first: TableOperation[] = [];
  const second: TableOperation[] = [];
  yield* eachOf(operations, (operation) => {
    (takesAway(operation) ? second : first).push(operation);
  });
  return { first, second };
}

const idOf = (operation: TableOperation & { readonly realServer: TableRealServer }): string =>
  `${tableKeyText(operation.key)} ${realServerKey(operation.realServer)}`;

/**
 * Those of `second` that must not be made because something of the first stage was refused: they would leave a virtual
 * server without anybody who serves. `table`: as it is after the first stage.
 */
export const heldBack = (...given: Parameters<typeof heldBackSteps>): ReadonlySet<TableOperation> =>
  atOnce(heldBackSteps(...given));

export function* heldBackSteps(
  second: readonly TableOperation[],
  refused: readonly TableOperation[],
  table: ActualTable,
): Steps<ReadonlySet<TableOperation>> {
  const held = new Set<TableOperation>();
  if (refused.length === 0 || second.length === 0) return held;
  const short = new Set(
    refused
      .filter(({ op }) => op === 'add-real-server' || op === 'edit-real-server')
      .map(({ key }) => tableKeyText(key)),
  );
  const groups = yield* byEntry(second.filter(({ key }) => short.has(tableKeyText(key))));
  const entries = yield* byKey(table);
  for (const [text, operations] of groups) {
    const before = entries.get(text);
    const afterwards = changedEntry(before, operations);
    if (afterwards === undefined || !serves(before) || serves(afterwards)) continue;
    for (const operation of operations) held.add(operation);
  }
  return held;
}

const serves = (entry: ActualVirtualServer | undefined): boolean =>
  entry?.realServers.some(({ weight }) => weight > 0) ?? false;
