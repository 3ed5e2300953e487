/** What another configuration would make of the table; nothing is done. */
import { afterSteps } from '../balance/apply.ts';
import type { ActualTable } from '../model/ipvs-table.ts';
import type { OverrideOf } from '../model/override.ts';
import type { Steps } from '../model/steps.ts';
import { NO_TIMEOUTS, type TimeoutKeeper } from './ipvs-timeouts.ts';
import type { TableAccess } from './table-access.ts';
import type { ConfiguredTable, TablePlanner } from './table-planner.ts';
import { changeTexts } from './table-words.ts';

export interface Preview {
  /** In words. */
  readonly changes: readonly string[];
  /** The table after them. */
  readonly after: ActualTable;
}

export class TablePreview {
  readonly #planner: TablePlanner;
  readonly #access: TableAccess;
  readonly #timeouts: TimeoutKeeper;
  readonly #look: () => Steps<ActualTable>;

  /** `look`: gives the table as it is. */
  constructor(
    planner: TablePlanner,
    access: TableAccess,
    timeouts: TimeoutKeeper,
    look: () => Steps<ActualTable>,
  ) {
    this.#planner = planner;
    this.#access = access;
    this.#timeouts = timeouts;
    this.#look = look;
  }

  /** With `config` in the place of the present one. */
  *of(config: ConfiguredTable, overrideOf: OverrideOf): Steps<Preview> {
    const actual = yield* this.#look();
    const operations = yield* this.#planner.preview(config, overrideOf, actual);
    const definitions = this.#planner.definitionsUnder(config);
    const texts = yield* changeTexts(operations, definitions);
    return {
      changes: [...this.#timeoutChanges(config), ...texts],
      after: yield* afterSteps(actual, operations),
    };
  }

  #timeoutChanges({ ipvs: { timeouts = NO_TIMEOUTS } }: ConfiguredTable): readonly string[] {
    const { current } = this.#access;
    if (current === undefined) return [];
    return this.#access.guard(() => this.#timeouts.preview(current, timeouts), []);
  }
}
