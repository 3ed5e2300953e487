/**
 * The arbiter: one key for each unit, held by one director until its lease ends. And the client of one director, which
 * counts conservatively: its lease ends before etcd's does.
 */

import { heldUntil, keepAliveInterval } from '../../src/manager/arbiter/hold-time.ts';
import type { Instant } from '../../src/model/units.ts';
import { instant, milliseconds } from '../../src/model/units.ts';
import type { Agenda } from './agenda.ts';
import type { Random } from './random.ts';

export class Etcd {
  up = true;
  readonly ttl: number;
  readonly #keys = new Map<string, { readonly owner: object; readonly until: number }>();

  constructor(ttl: number) {
    this.ttl = ttl;
  }

  /** Whether `owner` has the key now: taken, or kept. */
  take(unit: string, owner: object, now: number): boolean {
    const key = this.#keys.get(unit);
    if (key !== undefined && key.until > now && key.owner !== owner) return false;
    this.#keys.set(unit, { owner, until: now + this.ttl });
    return true;
  }

  release(unit: string, owner: object): void {
    if (this.#keys.get(unit)?.owner === owner) this.#keys.delete(unit);
  }
}

export interface ClientContext {
  readonly agenda: Agenda;
  readonly random: Random;
  readonly etcd: Etcd;
  /** Whether this client runs, and reaches etcd. */
  reaches(): boolean;
  runs(): boolean;
  /** The director's own clock. */
  clock(): number;
  tell(unit: string, until: Instant | undefined, contended: boolean): void;
}

/** One life of a manager's client. */
export class EtcdClient {
  readonly #context: ClientContext;
  /** What is wanted, each time under a number of its own. */
  readonly #eras = new Map<string, number>();
  #era = 0;
  readonly #held = new Map<string, Instant>();
  #closed = false;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /** The manager died: nothing is renewed and nothing told any more. */
  close(): void {
    this.#closed = true;
  }

  get held(): ReadonlyMap<string, Instant> {
    return this.#held;
  }

  wants(unit: string): boolean {
    return this.#eras.has(unit);
  }

  want(unit: string, wanted: boolean): void {
    if (wanted === this.#eras.has(unit)) {
      const until = this.#held.get(unit);
      if (wanted && until !== undefined) this.#tell(unit, until);
      return;
    }
    if (wanted) {
      this.#eras.set(unit, ++this.#era);
      this.#ask(unit, this.#era);
      return;
    }
    this.#eras.delete(unit);
    if (this.#held.delete(unit)) this.#tell(unit, undefined);
    this.#later(() => {
      if (!this.#eras.has(unit)) this.#context.etcd.release(unit, this);
    });
  }

  /** Gives back what nobody wants: after a new vrrp process has said what it wants. */
  keepOnly(units: ReadonlySet<string>): void {
    for (const unit of [...this.#eras.keys()]) if (!units.has(unit)) this.want(unit, false);
  }

  /** Asks, and goes on asking for as long as this time of being wanted lasts. */
  #ask(unit: string, era: number): void {
    if (this.#closed || this.#eras.get(unit) !== era) return;
    const { agenda, etcd, random } = this.#context;
    const keepAlive = keepAliveInterval(milliseconds(etcd.ttl));
    agenda.in(this.#held.has(unit) ? keepAlive : random.between(20, 200), () => this.#ask(unit, era));
    if (!this.#context.runs()) return;
    this.#lapse(unit);
    const sentAt = instant(this.#context.clock());
    this.#later(() => {
      if (this.#eras.get(unit) !== era) return;
      const taken = etcd.take(unit, this, agenda.now);
      this.#later(() => this.#answered(unit, taken, sentAt));
    });
  }

  #answered(unit: string, taken: boolean, sentAt: Instant): void {
    if (this.#closed || !this.#eras.has(unit)) return;
    if (!taken) {
      this.#held.delete(unit);
      this.#context.tell(unit, undefined, true);
      return;
    }
    const until = heldUntil(sentAt, milliseconds(this.#context.etcd.ttl));
    this.#held.set(unit, until);
    this.#context.tell(unit, until, false);
  }

  #lapse(unit: string): void {
    const until = this.#held.get(unit);
    if (until !== undefined && until > this.#context.clock()) return;
    this.#held.delete(unit);
    this.#context.tell(unit, undefined, false);
  }

  /** From process to process: never within the order that it follows from. */
  #tell(unit: string, until: Instant | undefined): void {
    this.#context.agenda.in(0.1, () => {
      if (!this.#closed) this.#context.tell(unit, until, false);
    });
  }

  /** A message on its way to etcd, or back; lost where the way is cut by then. */
  #later(run: () => void): void {
    const { agenda, random } = this.#context;
    agenda.in(random.between(0.5, 8), () => {
      if (!this.#closed && this.#context.reaches()) run();
    });
  }
}
