/** The way to the kernel's table: opened when somebody wants it, and told when it cannot be had. */
import { type Ipvs, IpvsUnavailable, openIpvs } from '../kernel/ipvs.ts';
import type { Steps } from '../model/steps.ts';
import type { TableReport } from './table-report.ts';

export interface TableAccessOptions {
  readonly report: TableReport;
  /** Whether nobody wants the table, or not yet: a kernel without IPVS is no fault then, and nobody looks. */
  readonly isIdle: () => boolean;
  /** Told each time that the table cannot be had. */
  readonly onLost: () => void;
  /** The kernel's unless given. */
  readonly open?: (() => Ipvs) | undefined;
}

export class TableAccess {
  readonly #options: TableAccessOptions;
  #ipvs: Ipvs | undefined;
  #closed = false;
  #lacking = false;

  constructor(options: TableAccessOptions) {
    this.#options = options;
  }

  /** This kernel has no IPVS, which changes seldom. */
  get lacking(): boolean {
    return this.#lacking;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** As it is open now. */
  get current(): Ipvs | undefined {
    return this.#ipvs;
  }

  /** undefined: nobody wants it, or it was closed for good. Throws what keeps it from being opened. */
  open(): Ipvs | undefined {
    const { report, isIdle, open = openIpvs } = this.#options;
    if (this.#ipvs !== undefined || this.#closed) return this.#ipvs;
    if (isIdle() && report.status.verifiedAt === undefined) return undefined;
    this.#ipvs = open();
    report.reachable();
    return this.#ipvs;
  }

  /** What `work` gives; `otherwise` where the table cannot be had, which is told. Never throws. */
  guard<Result>(work: () => Result, otherwise: Result): Result {
    try {
      return work();
    } catch (error) {
      this.#unreachable(error);
      return otherwise;
    }
  }

  /** As `guard`, of work in steps. */
  *guardSteps<Result>(work: Steps<Result>, otherwise: Result): Steps<Result> {
    try {
      return yield* work;
    } catch (error) {
      this.#unreachable(error);
      return otherwise;
    }
  }

  close(): void {
    this.#closed = true;
    this.#ipvs?.close();
    this.#ipvs = undefined;
  }

  /** Virtual addresses go on floating; the table is tried again at the next verification. */
  #unreachable(error: unknown): void {
    const { report, onLost } = this.#options;
    report.unreachable(error);
    onLost();
    this.#lacking = error instanceof IpvsUnavailable;
    if (this.#lacking) return;
    this.#ipvs?.close();
    this.#ipvs = undefined;
  }
}
