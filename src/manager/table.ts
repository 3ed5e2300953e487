/**
 * Keeps the kernel's IPVS table as it should be: reads it, plans, applies, and reads it again. Whatever the kernel
 * refuses, and whoever else changed the table meanwhile, is met by planning anew, never by giving up.
 */
import { type Desired, desiredTable, type HealthOf } from '../balance/desired.ts';
import { findDrift } from '../balance/drift.ts';
import { type Plan, planTable } from '../balance/plan.ts';
import type { SorryPhase } from '../balance/sorry.ts';
import { operationText } from '../balance/words.ts';
import { type Ipvs, IpvsUnavailable, openIpvs } from '../kernel/ipvs.ts';
import { ensureIpvsSetting } from '../kernel/ipvs-settings.ts';
import type { Config } from '../model/config.ts';
import {
  type ActualTable,
  type DesiredTable,
  type OperationOutcome,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { TableStatus } from '../model/status.ts';
import { type Clock, milliseconds } from '../model/units.ts';
import type { OwnedVirtualServers } from './owned.ts';

/** How often the table is compared with the kernel's, unasked. */
export const VERIFY_INTERVAL = milliseconds(10_000);
/** How often it is looked at while a sorry server finishes its connections. */
const DRAIN_INTERVAL = milliseconds(1_000);
/** Plans made for one reconciliation before the rest is left to the next: others may be changing the table too. */
const ATTEMPTS = 3;

type Configured = Pick<Config, 'virtualServers'> & { readonly ipvs: Pick<Config['ipvs'], 'exclusive'> };

export interface TableKeeperOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly owned: OwnedVirtualServers;
  readonly healthOf: HealthOf;
  /** The kernel's unless given. */
  readonly open?: () => Ipvs;
}

export class TableKeeper {
  readonly #options: TableKeeperOptions;
  #config: Configured = { virtualServers: [], ipvs: { exclusive: false } };
  #ipvs: Ipvs | undefined;
  #sorry: ReadonlyMap<string, SorryPhase> = new Map();
  /** The table as the last reconciliation left it: any other one since then is somebody else's doing. */
  #left: ActualTable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #status: TableStatus = {
    unavailable: undefined,
    verifiedAt: undefined,
    repairs: 0,
    lastRepair: undefined,
    refused: [],
    foreign: [],
  };

  constructor(options: TableKeeperOptions) {
    this.#options = options;
  }

  get status(): TableStatus {
    return this.#status;
  }

  sorryPhase(key: string): SorryPhase['phase'] {
    return this.#sorry.get(key)?.phase ?? 'idle';
  }

  configure(config: Configured): readonly string[] {
    this.#config = config;
    return this.reconcile();
  }

  /** The table as the kernel holds it; empty while it cannot be reached. */
  read(): ActualTable {
    try {
      return this.#open()?.dump() ?? [];
    } catch (error) {
      this.#unreachable(error);
      return [];
    }
  }

  /** What `config` in the place of the present one would change; nothing is done. */
  preview(config: Configured, healthOf: HealthOf): Plan & { readonly desired: DesiredTable } {
    const actual = this.read();
    const { clock } = this.#options;
    const { table } = desiredTable(config.virtualServers, healthOf, actual, this.#sorry, clock());
    return { ...planTable(table, actual, this.#ownership(config, table)), desired: table };
  }

  /** Brings the kernel's table to what it should be; returns what was changed, in words. */
  reconcile(): readonly string[] {
    if (this.#closed) return [];
    clearTimeout(this.#timer);
    const changes: string[] = [];
    try {
      this.#reconcile(changes);
    } catch (error) {
      this.#unreachable(error);
    }
    const draining = [...this.#sorry.values()].some(({ phase }) => phase === 'draining');
    this.#timer = setTimeout(() => this.reconcile(), draining ? DRAIN_INTERVAL : VERIFY_INTERVAL);
    return changes;
  }

  /** The table stays as it is in the kernel, so that connections outlive a restart of the daemon. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#ipvs?.close();
    this.#ipvs = undefined;
  }

  #reconcile(changes: string[]): void {
    const ipvs = this.#open();
    if (ipvs === undefined) return;
    let refused: readonly OperationOutcome[] = [];
    let actual = ipvs.dump();
    this.#noticeDrift(actual);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { table, plan } = this.#plan(actual);
      if (plan.operations.length === 0) {
        this.#settled(actual, table, plan.foreign, []);
        return;
      }
      const outcomes = ipvs.apply(plan.operations);
      refused = outcomes.filter(({ error }) => error !== undefined);
      for (const outcome of withoutConsequences(outcomes)) this.#logOutcome(outcome, changes);
      actual = ipvs.dump();
      const rest = this.#plan(actual);
      if (rest.plan.operations.length === 0) {
        this.#settled(actual, rest.table, rest.plan.foreign, []);
        return;
      }
      // The same refusal again would only repeat the log.
      if (refused.length === rest.plan.operations.length) break;
    }
    const { table, plan } = this.#plan(actual);
    this.#settled(actual, table, plan.foreign, withoutConsequences(refused).map(refusalText));
  }

  #plan(actual: ActualTable): { readonly table: DesiredTable; readonly plan: Plan } {
    const { clock, healthOf } = this.#options;
    const desired: Desired = desiredTable(
      this.#config.virtualServers,
      healthOf,
      actual,
      this.#sorry,
      clock(),
    );
    this.#sorry = desired.sorry;
    return {
      table: desired.table,
      plan: planTable(desired.table, actual, this.#ownership(this.#config, desired.table)),
    };
  }

  #ownership(config: Configured, desired: DesiredTable) {
    return {
      owned: new Set([...this.#options.owned.keys, ...desired.map((entry) => tableKeyText(entry.key))]),
      exclusive: config.ipvs.exclusive,
    };
  }

  #noticeDrift(actual: ActualTable): void {
    if (this.#left === undefined) return;
    const ownership = { owned: this.#options.owned.keys, exclusive: this.#config.ipvs.exclusive };
    const found = findDrift(this.#left, actual, ownership);
    if (found.length === 0) return;
    this.#status = {
      ...this.#status,
      repairs: this.#status.repairs + 1,
      lastRepair: { at: Date.now(), found },
    };
    this.#options.log('warn', 'the IPVS table was changed by somebody else: repairing it', { found });
  }

  #settled(
    actual: ActualTable,
    desired: DesiredTable,
    foreign: readonly string[],
    refused: readonly string[],
  ): void {
    const { owned } = this.#options;
    this.#left = actual;
    // One that the kernel would not remove yet is still ours to remove.
    const left = actual.map((entry) => tableKeyText(entry.key)).filter((key) => owned.keys.has(key));
    owned.remember(new Set([...desired.map((entry) => tableKeyText(entry.key)), ...left]));
    this.#status = { ...this.#status, unavailable: undefined, verifiedAt: Date.now(), foreign, refused };
  }

  #logOutcome(outcome: OperationOutcome, changes: string[]): void {
    const { operation, error } = outcome;
    const fields = { operation: operation.op, virtualServer: tableKeyText(operation.key) };
    if (error === undefined) {
      const text = operationText(operation);
      changes.push(text);
      this.#options.log('info', text, fields);
    } else if (!this.#status.refused.includes(refusalText(outcome))) {
      this.#options.log('error', refusalText(outcome), { ...fields, errno: outcome.errno });
    }
  }

  #open(): Ipvs | undefined {
    if (this.#ipvs === undefined && !this.#closed) {
      // A kernel without IPVS is no fault while no virtual server wants it.
      if (
        this.#config.virtualServers.length === 0 &&
        !this.#config.ipvs.exclusive &&
        this.#status.verifiedAt === undefined
      )
        return undefined;
      this.#ipvs = (this.#options.open ?? openIpvs)();
      if (this.#status.unavailable !== undefined) this.#options.log('info', 'the IPVS table can be reached');
      this.#expireOrphans();
    }
    return this.#ipvs;
  }

  /**
   * By default the kernel silently drops what belongs to a connection whose real server was removed, and new
   * connections too that reuse the port of such a one: clients hang. With this setting they are told, or served anew.
   */
  #expireOrphans(): void {
    const { was, error } = ensureIpvsSetting('expire_nodest_conn', 1);
    if (error !== undefined) {
      const advice =
        'clients of a removed real server hang instead of being reset: sysctl -w net.ipv4.vs.expire_nodest_conn=1';
      this.#options.log('warn', error.message, { advice });
    } else if (was !== 1) {
      this.#options.log('info', `net.ipv4.vs.expire_nodest_conn set to 1 (was ${was})`);
    }
  }

  /** Virtual addresses go on floating; the table is tried again at the next verification. */
  #unreachable(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#status.unavailable !== message) this.#options.log('error', message);
    this.#status = { ...this.#status, unavailable: message };
    if (error instanceof IpvsUnavailable) return;
    this.#ipvs?.close();
    this.#ipvs = undefined;
  }
}

const refusalText = ({ operation, error }: OperationOutcome): string =>
  `cannot ${operationText(operation)}: ${error?.message ?? 'unknown error'}`;

/** Where a virtual server was refused, the refusal of each of its real servers tells nothing new. */
function withoutConsequences(outcomes: readonly OperationOutcome[]): readonly OperationOutcome[] {
  const absent = new Set(
    outcomes
      .filter(({ operation, error }) => operation.op === 'add-virtual-server' && error !== undefined)
      .map(({ operation }) => tableKeyText(operation.key)),
  );
  return outcomes.filter(
    ({ operation, errno }) =>
      !(operation.op === 'add-real-server' && errno === 'ESRCH' && absent.has(tableKeyText(operation.key))),
  );
}
