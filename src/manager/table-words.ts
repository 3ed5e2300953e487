/**
 * What was changed in the table, and what the kernel refused, as people read it: a port range of a thousand ports is a
 * thousand entries, and one change of their definition is one line.
 */
import type { DefinitionOf } from '../balance/definitions.ts';
import { commonText, kindOfChange, operationText } from '../balance/words.ts';
import { type OperationOutcome, type TableOperation, tableKeyText } from '../model/ipvs-table.ts';
import { eachOf, type Steps } from '../model/steps.ts';

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
export function* toldChanges(
  outcomes: readonly OperationOutcome[],
  definitionOf: DefinitionOf,
): Steps<readonly ToldChange[]> {
  const groups = new Map<string, OperationOutcome[]>();
  yield* eachOf(outcomes, (outcome) => {
    const name = groupOf(outcome, definitionOf);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [outcome]);
    else group.push(outcome);
  });
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
): Steps<readonly string[]> =>
  refusalTexts(
    operations.map((operation) => ({ operation, error: undefined, errno: undefined })),
    definitionOf,
  );

/** What was refused, in words. */
export function* refusalTexts(
  refused: readonly OperationOutcome[],
  definitionOf: DefinitionOf,
): Steps<readonly string[]> {
  return (yield* toldChanges(refused, definitionOf)).map(({ text }) => text);
}

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
