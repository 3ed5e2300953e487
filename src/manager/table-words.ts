/**
 * What was changed in the table, and what the kernel refused, as people read it: a port range of a thousand ports is a
 * thousand entries, and one change of their definition is one line.
 */
import type { DefinitionOf } from '../balance/definitions.ts';
import { commonText, kindOfChange, operationText } from '../balance/words.ts';
import { type OperationOutcome, type TableOperation, tableKeyText } from '../model/ipvs-table.ts';

/** So many are told one by one, each by its entry. */
const FEW = 3;

/** The same change, or the same refusal of it, in one or several entries of a definition. */
export interface ToldChange {
  readonly text: string;
  /** Why the kernel refuses it; undefined: it was made. */
  readonly refused: boolean;
  readonly outcomes: readonly [OperationOutcome, ...OperationOutcome[]];
}

/** In the order in which the first of each comes. */
export function toldChanges(
  outcomes: readonly OperationOutcome[],
  definitionOf: DefinitionOf,
): readonly ToldChange[] {
  const groups = Map.groupBy(outcomes, (outcome) => groupOf(outcome, definitionOf));
  return [...groups.values()].flatMap((group) =>
    group.length > FEW
      ? together(group, definitionOf)
      : group.flatMap((each) => together([each], definitionOf)),
  );
}

/** What is to be changed, in words. */
export const changeTexts = (
  operations: readonly TableOperation[],
  definitionOf: DefinitionOf,
): readonly string[] =>
  toldChanges(
    operations.map((operation) => ({ operation, error: undefined, errno: undefined })),
    definitionOf,
  ).map(({ text }) => text);

/** What was refused, in words. */
export const refusalTexts = (
  refused: readonly OperationOutcome[],
  definitionOf: DefinitionOf,
): readonly string[] => toldChanges(refused, definitionOf).map(({ text }) => text);

function groupOf({ operation, error, errno }: OperationOutcome, definitionOf: DefinitionOf): string {
  const definition = definitionOf(tableKeyText(operation.key));
  return JSON.stringify([definition, kindOfChange(operation), error !== undefined, errno]);
}

function together(group: readonly OperationOutcome[], definitionOf: DefinitionOf): readonly ToldChange[] {
  const [first, ...others] = group;
  if (first === undefined) return [];
  const { operation, error } = first;
  const change =
    others.length === 0
      ? operationText(operation)
      : commonText(operation, group.length, definitionOf(tableKeyText(operation.key)));
  const text = error === undefined ? change : `cannot ${change}: ${error.message}`;
  return [{ text, refused: error !== undefined, outcomes: [first, ...others] }];
}
