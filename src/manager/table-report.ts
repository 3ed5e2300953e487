/** What is told of the table: its status, and the log's lines, each cause once. */
import type { DefinitionOf } from '../balance/definitions.ts';
import { operationText } from '../balance/words.ts';
import { type OperationOutcome, tableKeyText } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import { reasonOf } from '../model/reason.ts';
import type { TableStatus } from '../model/status.ts';
import { eachOf, type Steps } from '../model/steps.ts';
import { type ToldChange, toldChanges } from './table-words.ts';

export type TableReportStatus = Omit<TableStatus, 'digest'>;

export class TableReport {
  readonly #log: Log;
  readonly #onReach: () => void;
  #status: TableReportStatus = {
    unavailable: undefined,
    verifiedAt: undefined,
    repairs: 0,
    lastRepair: undefined,
    refused: [],
    foreign: [],
  };

  /** `onReach`: told when the table can be had again, and when it no longer can. */
  constructor(log: Log, onReach: () => void) {
    this.#log = log;
    this.#onReach = onReach;
  }

  get status(): TableReportStatus {
    return this.#status;
  }

  /** What somebody else did, in words: nothing, mostly. */
  drift(all: readonly string[]): void {
    if (all.length === 0) return;
    const found = firstOf(all);
    this.#status = {
      ...this.#status,
      repairs: this.#status.repairs + 1,
      lastRepair: { at: Date.now(), found },
    };
    this.#log('warn', 'the IPVS table was changed by somebody else: repairing it', { found });
  }

  /** The table was read, and is as it should be but for what was refused. */
  verified(foreign: readonly string[], refused: readonly string[]): void {
    const before = this.#status.unavailable;
    this.#status = { ...this.#status, unavailable: undefined, verifiedAt: Date.now(), foreign, refused };
    if (before !== undefined) this.#onReach();
  }

  /** Everything was made; the table is still to be read. */
  made(foreign: readonly string[]): void {
    this.#status = { ...this.#status, foreign, refused: [] };
  }

  /**
   * What was made, in words: a line for each definition and change, here and in the log, which has the entries at
   * debug; a refusal that is known already is not logged again.
   */
  *outcomes(outcomes: readonly OperationOutcome[], definitionOf: DefinitionOf): Steps<readonly string[]> {
    const all = yield* toldChanges(outcomes, definitionOf);
    for (const told of all) yield* this.#tell(told, definitionOf);
    return all.flatMap(({ text, refused }) => (refused ? [] : [text]));
  }

  *#tell({ text, refused, outcomes }: ToldChange, definitionOf: DefinitionOf): Steps<void> {
    const [{ operation, error, errno }, ...others] = outcomes;
    const key = tableKeyText(operation.key);
    const fields =
      others.length === 0
        ? { operation: operation.op, virtualServer: key }
        : { operation: operation.op, service: definitionOf(key), entries: outcomes.length };
    if (!refused) this.#log('info', text, fields);
    else if (!this.#status.refused.includes(text)) this.#log('error', text, { ...fields, errno });
    if (others.length === 0) return;
    yield* eachOf(outcomes, ({ operation: each }) => {
      this.#log('debug', operationText(each), { operation: each.op, error: error?.message });
    });
  }

  reachable(): void {
    if (this.#status.unavailable !== undefined) this.#log('info', 'the IPVS table can be reached');
  }

  unreachable(error: unknown): void {
    const message = reasonOf(error);
    const before = this.#status.unavailable;
    if (before !== message) this.#log('error', message);
    this.#status = { ...this.#status, unavailable: message };
    if (before === undefined) this.#onReach();
  }
}

/** Somebody may have cleared a table of thousands. */
const MOST_FOUND = 100;

function firstOf(lines: readonly string[]): readonly string[] {
  const rest = lines.length - MOST_FOUND;
  return rest > 0 ? [...lines.slice(0, MOST_FOUND), `and ${rest} more`] : lines;
}
