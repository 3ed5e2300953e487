/** What another configuration would make of the table; nothing is done. */
import { afterOperations } from '../balance/apply.ts';
import type { ActualTable } from '../model/ipvs-table.ts';
import type { OverrideOf } from '../model/override.ts';
import { NO_TIMEOUTS, type TimeoutKeeper } from './ipvs-timeouts.ts';
import type { TableAccess } from './table-access.ts';
import type { ConfiguredTable, TablePlanner } from './table-planner.ts';
import { changeTexts } from './table-words.ts';

export class TablePreview {
  readonly #planner: TablePlanner;
  readonly #access: TableAccess;
  readonly #timeouts: TimeoutKeeper;

  constructor(planner: TablePlanner, access: TableAccess, timeouts: TimeoutKeeper) {
    this.#planner = planner;
    this.#access = access;
    this.#timeouts = timeouts;
  }

  /** What `config` in the place of the present one would change, in words. */
  changes(config: ConfiguredTable, overrideOf: OverrideOf): readonly string[] {
    const operations = this.#planner.preview(config, overrideOf, this.#access.read());
    const definitions = this.#planner.definitionsUnder(config);
    return [...this.#timeoutChanges(config), ...changeTexts(operations, definitions)];
  }

  /** The table as `config` in the place of the present one would leave it. */
  after(config: ConfiguredTable, overrideOf: OverrideOf): ActualTable {
    const actual = this.#access.read();
    return afterOperations(actual, this.#planner.preview(config, overrideOf, actual));
  }

  #timeoutChanges({ ipvs: { timeouts = NO_TIMEOUTS } }: ConfiguredTable): readonly string[] {
    const { current } = this.#access;
    if (current === undefined) return [];
    return this.#access.guard(() => this.#timeouts.preview(current, timeouts), []);
  }
}
