/**
 * etcd as the contenders may meet it: requests and answers that are late or lost, requests that are carried out long
 * after their sender has given up, and a former leader that still renews leases. Runs on faked timers.
 */
import type { Etcd, LeaseId, Reading, Renewal } from '../../../../src/manager/arbiter/etcd.ts';
import { EtcdError } from '../../../../src/manager/arbiter/etcd-error.ts';
import { type Milliseconds, milliseconds, type Seconds } from '../../../../src/model/units.ts';

/** How long a contender waits for an answer, in milliseconds. */
const LIMIT = 300;
/** How long one waits that stood still meanwhile and does not notice. */
const LONGEST_LIMIT = 2_500;
const LONGEST_DELAY = 3_000;

/** What one contender's requests meet. */
export interface Line {
  /** Share of the requests that meet a fault. */
  faults: number;
  /** Whether its keep-alives go to a former leader. */
  cutOff: boolean;
}

interface Stored {
  readonly value: string;
  readonly lease: LeaseId;
  readonly modified: number;
}

export class FaultyEtcd {
  readonly #random: () => number;
  readonly #keys = new Map<string, Stored>();
  readonly #leases = new Map<LeaseId, { ttl: number; timer: NodeJS.Timeout }>();
  readonly #watchers = new Set<() => void>();
  #revision = 1;
  #term = 1;
  #nextLease = 1;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** What a contender talks to, over a line of its own. */
  connect(line: Line): Etcd {
    const ask = <Answer>(signal: AbortSignal, carryOut: () => Answer) =>
      this.#request(line, signal, carryOut);
    return {
      grant: (ttl, signal) => ask(signal, () => this.#grant(ttl)),
      keepAlive: (id, signal) => ask(signal, () => this.#keepAlive(line, id)),
      revoke: (id, signal) => ask(signal, () => this.#expire(id)),
      read: (key, signal) => ask(signal, () => this.#read(key)),
      write: (key, value, lease, expected, signal) =>
        ask(signal, () => this.#write(key, value, lease, expected)),
      changed: (_key, revision, signal) => this.#changed(line, Number(revision), signal),
    };
  }

  /** Another leader: leases start anew, as etcd's do. */
  elect(): void {
    this.#term++;
    for (const id of this.#leases.keys()) this.#renew(id);
  }

  /** As an administrator does with etcdctl. */
  remove(key: string): void {
    this.#change(() => this.#keys.delete(key));
  }

  #grant(ttl: Seconds): { id: LeaseId; ttl: Milliseconds } {
    const id = String(this.#nextLease++);
    const time = milliseconds(ttl * 1000);
    this.#leases.set(id, { ttl: time, timer: setTimeout(() => this.#expire(id), time) });
    return { id, ttl: time };
  }

  #keepAlive(line: Line, id: LeaseId): Renewal | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    const ttl = milliseconds(lease.ttl);
    // A former leader says so, but only the present one's word counts.
    if (line.cutOff) return { ttl, term: String(this.#term - 1) };
    this.#renew(id);
    return { ttl, term: String(this.#term) };
  }

  #renew(id: LeaseId): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    clearTimeout(lease.timer);
    lease.timer = setTimeout(() => this.#expire(id), lease.ttl);
  }

  #expire(id: LeaseId): void {
    clearTimeout(this.#leases.get(id)?.timer);
    this.#leases.delete(id);
    for (const [key, { lease }] of this.#keys) if (lease === id) this.#change(() => this.#keys.delete(key));
  }

  #read(key: string): Reading {
    const stored = this.#keys.get(key);
    const entry = stored && { ...stored, modified: String(stored.modified) };
    return { entry, revision: String(this.#revision), term: String(this.#term) };
  }

  #write(key: string, value: string, lease: LeaseId, expected: string): boolean {
    if (!this.#leases.has(lease)) throw new EtcdError('requested lease not found', 5);
    if ((this.#keys.get(key)?.modified ?? 0) !== Number(expected)) return false;
    this.#change(() => this.#keys.set(key, { value, lease, modified: this.#revision }));
    return true;
  }

  #change(change: () => void): void {
    this.#revision++;
    change();
    for (const notify of [...this.#watchers]) notify();
  }

  #changed(line: Line, revision: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (this.#random() < line.faults) return Promise.resolve(false);
    const end = (answer: boolean) => {
      this.#watchers.delete(look);
      resolve(answer);
    };
    const look = () => this.#revision > revision && end(true);
    this.#watchers.add(look);
    signal.addEventListener('abort', () => end(false), { once: true });
    look();
    return promise;
  }

  /** `carryOut` happens once, or never, and neither has to show to the one who asked. */
  #request<Answer>(line: Line, signal: AbortSignal, carryOut: () => Answer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const limitOf = this.#fault(line) ? this.#random() * LONGEST_LIMIT : LIMIT;
    const limit = setTimeout(() => reject(new EtcdError('no answer')), limitOf);
    signal.addEventListener('abort', () => reject(new EtcdError('no longer wanted')), { once: true });
    if (this.#fault(line)) return promise;
    setTimeout(() => {
      const [answer, error] = attempt(carryOut);
      if (this.#fault(line)) return;
      setTimeout(() => {
        clearTimeout(limit);
        if (error === undefined) resolve(answer as Answer);
        else reject(error);
      }, this.#delay(line));
    }, this.#delay(line));
    return promise;
  }

  #fault(line: Line): boolean {
    return this.#random() < line.faults / 3;
  }

  #delay(line: Line): number {
    return this.#random() < line.faults ? this.#random() * LONGEST_DELAY : this.#random() * 20;
  }
}

function attempt<Answer>(action: () => Answer): [Answer | undefined, unknown] {
  try {
    return [action(), undefined];
  } catch (error) {
    return [undefined, error];
  }
}
