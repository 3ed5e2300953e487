/** What a reload would do, and what it did. */
import type { PlanDocument, ReloadDocument } from '../../model/status.ts';
import { folded } from './folded.ts';
import type { Style } from './style.ts';
import { indent, printable } from './text.ts';

/** The changes by kind; one line that says so when there are none. Problems are not in it. */
export function formatPlan(plan: PlanDocument, style: Style): string[] {
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['virtual routers', plan.virtualRouters],
    ['addresses', plan.addresses],
    ['IPVS table', plan.table],
    ['kernel settings', plan.settings],
    ['overrides of real servers', plan.overrides ?? []],
  ];
  const lines = sections.flatMap(([title, changes]) =>
    changes.length === 0 ? [] : [style.heading(title), ...indent(folded(changes).map(printable), 2)],
  );
  return [...(lines.length === 0 ? ['a reload would change nothing'] : lines), ...waiting(plan, style)];
}

/** What was changed, or that nothing was and why. Problems are not in it. */
export function formatReload(reload: ReloadDocument, style: Style): string[] {
  if (!reload.applied) return [style.loud('reload refused: nothing was changed')];
  const told = [...overrideLines(reload, style), ...waiting(reload, style)];
  if (reload.changes.length === 0)
    return [told.length === 0 ? 'reloaded: nothing to change' : 'reloaded', ...told];
  return [style.heading('reloaded'), ...indent(folded(reload.changes).map(printable), 2), ...told];
}

const overrideLines = ({ overrides = [] }: ReloadDocument, style: Style): readonly string[] =>
  overrides.map((line) => style.doubtful(printable(line)));

function waiting(
  { tableUnavailable }: Pick<PlanDocument, 'tableUnavailable'>,
  style: Style,
): readonly string[] {
  if (tableUnavailable === undefined) return [];
  return [style.bad(`the IPVS table cannot be changed: ${printable(tableUnavailable)}`)];
}
