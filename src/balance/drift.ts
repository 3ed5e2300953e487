/** What somebody else did to the table since we left it, in words: the reverse of what would mend it. */
import {
  type ActualTable,
  type ActualVirtualServer,
  type DesiredVirtualServer,
  type TableOperation,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { atOnce, eachOf, mapped, type Steps } from '../model/steps.ts';
import { type Ownership, planTableSteps } from './plan.ts';
import { operationText } from './words.ts';

/** One line for each difference between the table as it was `left` and as it is; what is not ours does not count. */
export const findDrift = (left: ActualTable, actual: ActualTable, ownership: Ownership): readonly string[] =>
  atOnce(driftSteps(left, actual, ownership));

export function* driftSteps(
  left: ActualTable,
  actual: ActualTable,
  ownership: Ownership,
): Steps<readonly string[]> {
  const ours: DesiredVirtualServer[] = [];
  yield* eachOf(left, (entry) => {
    if (ownership.exclusive || ownership.owned.has(tableKeyText(entry.key))) ours.push(asAdded(entry));
  });
  const { operations } = yield* planTableSteps(ours, actual, ownership);
  return yield* mapped(operations, driftText);
}

/** The kernel lists the newest first; a plan names them in the order in which they are added. */
const asAdded = (entry: ActualVirtualServer): DesiredVirtualServer => ({
  ...entry,
  realServers: entry.realServers.toReversed(),
});

function driftText(mend: TableOperation): string {
  const what = operationText(mend).replace(/^(?:add|remove) (real server \S+) (?:to|from) /, '$1 of ');
  switch (mend.op) {
    case 'add-virtual-server':
      return `missing: ${what.replace(/^add /, '')}`;
    case 'add-real-server':
      return `missing: ${what}`;
    case 'remove-virtual-server':
      return `not ours: ${what.replace(/^remove /, '')}`;
    case 'remove-real-server':
      return `not ours: ${what}`;
    case 'edit-virtual-server':
      return `altered: ${operationText({ ...mend, settings: mend.was, was: mend.settings }).replace(/^change /, '')}`;
    case 'edit-real-server':
      return `altered: ${operationText({ ...mend, realServer: mend.was, was: mend.realServer }).replace(/^change /, '')}`;
    default:
      return mend satisfies never;
  }
}
