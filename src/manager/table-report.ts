/** What is told of the table: its status, and the log's lines, each cause once. */
import { operationText } from '../balance/words.ts';
import { type OperationOutcome, tableKeyText } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { TableStatus } from '../model/status.ts';
import { refusalText } from './table-work.ts';

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
  drift(found: readonly string[]): void {
    if (found.length === 0) return;
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

  /** In words where it was made; a refusal that is known already is not logged again. */
  outcome(outcome: OperationOutcome): string | undefined {
    const { operation, error } = outcome;
    const fields = { operation: operation.op, virtualServer: tableKeyText(operation.key) };
    if (error !== undefined) {
      const text = refusalText(outcome);
      if (!this.#status.refused.includes(text)) this.#log('error', text, { ...fields, errno: outcome.errno });
      return undefined;
    }
    const text = operationText(operation);
    this.#log('info', text, fields);
    return text;
  }

  reachable(): void {
    if (this.#status.unavailable !== undefined) this.#log('info', 'the IPVS table can be reached');
  }

  unreachable(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const before = this.#status.unavailable;
    if (before !== message) this.#log('error', message);
    this.#status = { ...this.#status, unavailable: message };
    if (before === undefined) this.#onReach();
  }
}
