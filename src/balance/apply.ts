/** The table as the kernel has it after operations, worked out instead of read; and which of them must wait for others. */
import {
  type ActualTable,
  type ActualVirtualServer,
  realServerKey,
  type TableOperation,
  type TableRealServer,
  tableKeyText,
} from '../model/ipvs-table.ts';

const IDLE = { active: 0, inactive: 0, persistent: 0 };

/** `table` after `operations`, all of them made. The newest real server comes first, as the kernel lists them. */
export function afterOperations(table: ActualTable, operations: readonly TableOperation[]): ActualTable {
  if (operations.length === 0) return table;
  const entries = new Map(table.map((entry) => [tableKeyText(entry.key), entry]));
  for (const [text, changes] of byEntry(operations)) {
    const changed = changedEntry(entries.get(text), changes);
    if (changed === undefined) entries.delete(text);
    else entries.set(text, changed);
  }
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

function byEntry(operations: readonly TableOperation[]): ReadonlyMap<string, readonly TableOperation[]> {
  const groups = new Map<string, TableOperation[]>();
  for (const operation of operations) {
    const text = tableKeyText(operation.key);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [operation]);
    else group.push(operation);
  }
  return groups;
}

export interface Stages {
  /** What adds, raises and alters, and what is taken out only to be put in again. */
  readonly first: readonly TableOperation[];
  /** What takes capacity away, when all of the first is done. */
  readonly second: readonly TableOperation[];
}

/** Splits a plan, so that what is added is complete, in every entry, before what it replaces goes. */
export function stagesOf(operations: readonly TableOperation[]): Stages {
  const comesBack = new Set(
    operations.flatMap((operation) => (operation.op === 'add-real-server' ? [idOf(operation)] : [])),
  );
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
  const second = operations.filter(takesAway);
  const late = new Set(second);
  return { first: operations.filter((operation) => !late.has(operation)), second };
}

const idOf = (operation: TableOperation & { readonly realServer: TableRealServer }): string =>
  `${tableKeyText(operation.key)} ${realServerKey(operation.realServer)}`;

/**
 * Those of `second` that must not be made because something of the first stage was refused: they would leave a virtual
 * server without anybody who serves. `table`: as it is after the first stage.
 */
export function heldBack(
  second: readonly TableOperation[],
  refused: readonly TableOperation[],
  table: ActualTable,
): ReadonlySet<TableOperation> {
  const short = new Set(
    refused
      .filter(({ op }) => op === 'add-real-server' || op === 'edit-real-server')
      .map(({ key }) => tableKeyText(key)),
  );
  const groups = byEntry(second.filter(({ key }) => short.has(tableKeyText(key))));
  const entries = new Map(table.map((entry) => [tableKeyText(entry.key), entry]));
  const held = new Set<TableOperation>();
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
