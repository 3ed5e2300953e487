/** What the table should be by the present configuration, and the plan that leads there; nothing here acts on it. */
import { type DefinitionOf, Definitions } from '../balance/definitions.ts';
import { type BalanceFacts, desiredTableSteps } from '../balance/desired.ts';
import { driftSteps } from '../balance/drift.ts';
import { type Ownership, type Plan, planTableSteps } from '../balance/plan.ts';
import type { SorryPhase } from '../balance/sorry.ts';
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type ActualVirtualServer,
  type DesiredTable,
  type TableKey,
  type TableOperation,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { OverrideOf } from '../model/override.ts';
import { eachOf, type Steps } from '../model/steps.ts';
import type { Clock } from '../model/units.ts';
import type { WantedTimeouts } from './ipvs-timeouts.ts';
import { OutgoingEntries } from './outgoing.ts';
import type { OwnedVirtualServers } from './owned.ts';

/** What of the configuration decides. */
export type ConfiguredTable = Pick<Config, 'virtualServers'> & {
  readonly ipvs: Pick<Config['ipvs'], 'exclusive'> & { readonly timeouts?: WantedTimeouts };
};

export interface TablePlannerOptions {
  readonly clock: Clock;
  readonly owned: OwnedVirtualServers;
  readonly facts: BalanceFacts;
  /** Told each time that another configuration decides. */
  readonly onConfigure?: () => void;
}

export class TablePlanner {
  readonly #options: TablePlannerOptions;
  readonly #definitions = new Definitions();
  #config: ConfiguredTable = { virtualServers: [], ipvs: { exclusive: false } };
  #isConfigured = false;
  #sorry: ReadonlyMap<string, SorryPhase> = new Map();
  readonly #outgoing = new OutgoingEntries();

  constructor(options: TablePlannerOptions) {
    this.#options = options;
  }

  /**
   * `replaced`: entries that stay until `release`, and then until their connections are gone. Gives the definitions that
   * are not as they were; a file that is read again has all others in common with the one before.
   */
  configure(config: ConfiguredTable, replaced: readonly TableKey[]): readonly ConfiguredVirtualServer[] {
    const before = new Set(this.#config.virtualServers);
    this.#config = config;
    this.#isConfigured = true;
    this.#definitions.configure(config.virtualServers);
    this.#outgoing.configure(replaced, (key) => this.#definitions.of(key) !== undefined);
    this.#options.onConfigure?.();
    return config.virtualServers.filter((each) => !before.has(each));
  }

  /** Packets go to others: gives those that are to go. */
  release(): readonly TableKey[] {
    return this.#outgoing.release(this.#options.clock());
  }

  get config(): ConfiguredTable {
    return this.#config;
  }

  /** Whether it is known what is wanted: until then, what a former process has left is not to be taken away. */
  get isConfigured(): boolean {
    return this.#isConfigured;
  }

  /** Whether nobody wants the table: then a kernel without IPVS is no fault. */
  get isIdle(): boolean {
    return this.#config.virtualServers.length === 0 && !this.#config.ipvs.exclusive;
  }

  get definitionOf(): DefinitionOf {
    return this.#definitions.of;
  }

  /** With those of `config`, ahead of those that are there. */
  definitionsUnder({ virtualServers }: ConfiguredTable): DefinitionOf {
    const after = new Definitions();
    after.configure(virtualServers);
    return (key) => after.of(key) ?? this.#definitions.of(key);
  }

  sorryPhase(key: string): SorryPhase['phase'] {
    return this.#sorry.get(key)?.phase ?? 'idle';
  }

  /** Whose sorry servers finish connections, and those that go when theirs are finished. */
  get draining(): readonly TableKey[] {
    return [...this.#withDrainingSorry(), ...this.#outgoing.awaited];
  }

  #withDrainingSorry(): readonly TableKey[] {
    if (![...this.#sorry.values()].some(({ phase }) => phase === 'draining')) return [];
    const entries = this.#config.virtualServers.flatMap((server) => server.entries);
    return entries.filter((key) => this.sorryPhase(tableKeyText(key)) === 'draining');
  }

  *plan(actual: ActualTable): Steps<{ readonly table: DesiredTable; readonly plan: Plan }> {
    const { clock, facts } = this.#options;
    const { virtualServers } = this.#config;
    const desired = yield* desiredTableSteps(virtualServers, facts, actual, this.#sorry, clock());
    this.#sorry = desired.sorry;
    const { table } = desired;
    const plan = yield* planTableSteps(table, actual, this.#ownership(this.#config));
    return { table, plan: this.#withoutOutgoing(plan, actual) };
  }

  #withoutOutgoing(plan: Plan, actual: ActualTable): Plan {
    const staying = this.#outgoing.staying(actual, this.#options.clock());
    if (staying.size === 0) return plan;
    const operations = plan.operations.filter(
      ({ op, key }) => op !== 'remove-virtual-server' || !staying.has(tableKeyText(key)),
    );
    return { ...plan, operations };
  }

  /** For the entries of these definitions alone, all of which are in `part`. */
  *planPart(
    virtualServers: readonly ConfiguredVirtualServer[],
    part: ActualTable,
    keys: ReadonlySet<string>,
  ): Steps<readonly TableOperation[]> {
    const { clock, facts } = this.#options;
    const desired = yield* desiredTableSteps(virtualServers, facts, part, this.#sorry, clock());
    this.#sorry = new Map([...this.#sorry, ...desired.sorry]);
    const { operations } = yield* planTableSteps(desired.table, part, { owned: keys, exclusive: false });
    return operations;
  }

  /** What `config` and `overrideOf` in the place of the present ones would do; nothing is remembered of it. */
  *preview(
    config: ConfiguredTable,
    overrideOf: OverrideOf,
    actual: ActualTable,
  ): Steps<readonly TableOperation[]> {
    const { clock } = this.#options;
    const facts = { ...this.#options.facts, overrideOf };
    const { table } = yield* desiredTableSteps(config.virtualServers, facts, actual, this.#sorry, clock());
    const { operations } = yield* planTableSteps(table, actual, this.#ownership(config));
    return operations;
  }

  /** What somebody else did to the table since it was `left`, in words. */
  drift(left: ActualTable, actual: ActualTable): Steps<readonly string[]> {
    return driftSteps(left, actual, {
      owned: this.#options.owned.keys,
      exclusive: this.#config.ipvs.exclusive,
    });
  }

  /** What is ours of the table. */
  *oursOf(actual: ActualTable): Steps<ActualTable> {
    const { exclusive } = this.#config.ipvs;
    if (exclusive) return actual;
    const { keys } = this.#options.owned;
    const ours: ActualVirtualServer[] = [];
    yield* eachOf(actual, (entry) => {
      if (keys.has(tableKeyText(entry.key))) ours.push(entry);
    });
    return ours;
  }

  *rememberOwned(desired: DesiredTable, actual: ActualTable): Steps<void> {
    const { owned } = this.#options;
    const keys = new Set<string>();
    yield* eachOf(desired, ({ key }) => {
      keys.add(tableKeyText(key));
    });
    // One that the kernel would not remove yet is still ours to remove.
    yield* eachOf(actual, ({ key }) => {
      const text = tableKeyText(key);
      if (owned.keys.has(text)) keys.add(text);
    });
    owned.remember(keys);
  }

  /** Whatever is wanted is not asked for. */
  #ownership(config: ConfiguredTable): Ownership {
    return { owned: this.#options.owned.keys, exclusive: config.ipvs.exclusive };
  }
}
