/** Carrying out a plan for the table, and what became of it in words. */
import { afterSteps, heldBackSteps, stageSteps } from '../balance/apply.ts';
import { findDrift } from '../balance/drift.ts';
import type { Ipvs } from '../kernel/ipvs.ts';
import {
  type ActualTable,
  type ActualVirtualServer,
  type OperationOutcome,
  type TableKey,
  type TableOperation,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { Steps } from '../model/steps.ts';

export interface Work {
  readonly outcomes: readonly OperationOutcome[];
  /** The table as it must be now, if nobody else changed it. */
  readonly table: ActualTable;
}

/**
 * Makes the operations on `table`: first what adds, then what takes away, as far as somebody is left who serves. What
 * is held back for that comes out as refused.
 */
export function* carryOut(
  ipvs: Ipvs,
  operations: readonly TableOperation[],
  table: ActualTable,
): Steps<Work> {
  const { first, second } = yield* stageSteps(operations);
  const firstOutcomes = yield* applied(ipvs, first);
  const between = yield* afterSteps(table, made(firstOutcomes));
  const refused = firstOutcomes.flatMap(({ error, operation }) => (error === undefined ? [] : [operation]));
  const held = yield* heldBackSteps(second, refused, between);
  const secondOutcomes = yield* applied(
    ipvs,
    held.size === 0 ? second : second.filter((operation) => !held.has(operation)),
  );
  return {
    outcomes: [...firstOutcomes, ...secondOutcomes, ...[...held].map(heldOutcome)],
    table: yield* afterSteps(between, made(secondOutcomes)),
  };
}

/** Some batches of messages, between two rests. */
const FEW_CHANGES = 256;

function* applied(ipvs: Ipvs, operations: readonly TableOperation[]): Steps<readonly OperationOutcome[]> {
  const outcomes: OperationOutcome[] = [];
  for (let at = 0; at < operations.length; ) {
    if (at > 0) yield;
    const end = endOfFew(operations, at);
    for (const outcome of ipvs.apply(operations.slice(at, end))) outcomes.push(outcome);
    at = end;
  }
  return outcomes;
}

/** What is removed may be added again by the next one, and is not to be gone for long. */
function endOfFew(operations: readonly TableOperation[], at: number): number {
  const end = Math.min(at + FEW_CHANGES, operations.length);
  const isCut = operations[end - 1]?.op === 'remove-real-server' && operations[end]?.op === 'add-real-server';
  return isCut ? end + 1 : end;
}

/** The entries of these keys (`tableKeyText`), as far as they are there. */
export const partOf = (table: ActualTable, keys: ReadonlySet<string>): ActualTable =>
  table.filter(({ key }) => keys.has(tableKeyText(key)));

/** `table` with `now` in the place of the same entries in `before`. */
export function withPart(table: ActualTable, before: ActualTable, now: ActualTable): ActualTable {
  const entries = new Map(now.map((entry) => [tableKeyText(entry.key), entry]));
  const replaced = new Map(before.map((entry) => [entry, entries.get(tableKeyText(entry.key))]));
  return table.map((entry) => replaced.get(entry) ?? entry);
}

const made = (outcomes: readonly OperationOutcome[]): readonly TableOperation[] =>
  outcomes.flatMap(({ error, operation }) => (error === undefined ? [operation] : []));

const heldOutcome = (operation: TableOperation): OperationOutcome => ({
  operation,
  error: new Error('it stays until what replaces it can be added'),
  errno: undefined,
});

/** To look at more of them one by one costs as much as to read the whole table. */
const MOST_LOOKED_AT = 50;

/**
 * `left` with the entries of `keys` as the kernel has them now; undefined where the whole table must be read, since
 * somebody else has changed one of them. Throws KernelError or KernelAnswerError.
 */
export function refreshed(
  ipvs: Pick<Ipvs, 'find'>,
  left: ActualTable,
  keys: readonly TableKey[],
): ActualTable | undefined {
  if (keys.length > MOST_LOOKED_AT) return undefined;
  const looked = new Map(keys.map((key) => [tableKeyText(key), ipvs.find(key)]));
  const table: ActualVirtualServer[] = [];
  for (const entry of left) {
    const text = tableKeyText(entry.key);
    const now = looked.has(text) ? looked.get(text) : entry;
    if (now === undefined || (now !== entry && findDrift([entry], [now], ALL_OURS).length > 0))
      return undefined;
    table.push(now);
  }
  return table;
}

const ALL_OURS = { owned: new Set<string>(), exclusive: true };

/** Where a virtual server was refused, the refusal of each of its real servers tells nothing new. */
export function withoutConsequences(outcomes: readonly OperationOutcome[]): readonly OperationOutcome[] {
  const absent = new Set(
    outcomes
      .filter(({ operation, error }) => operation.op === 'add-virtual-server' && error !== undefined)
      .map(({ operation }) => tableKeyText(operation.key)),
  );
  const isConsequence = ({ operation, errno }: OperationOutcome) =>
    'realServer' in operation && errno === 'ESRCH' && absent.has(tableKeyText(operation.key));
  return outcomes.filter((outcome) => !isConsequence(outcome));
}
