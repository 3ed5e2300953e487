/**
 * The few operations of etcd's API (v3) that an exclusive key needs, as typed values. Keys and values travel as
 * base64, 64-bit numbers as decimal strings, and what is zero is left out (proto3's JSON).
 */
import { z } from 'zod';
import { type Milliseconds, type Seconds, seconds, secondsToMilliseconds } from '../../model/units.ts';
import type { Cluster } from './cluster.ts';
import { EtcdError, GRPC } from './etcd-error.ts';

/** The number of a lease, a decimal string. */
export type LeaseId = string;

/** What etcd holds under a key. */
export interface Entry {
  readonly value: string;
  /** The lease that it ends with; `0`: none. */
  readonly lease: LeaseId;
  /** The revision of its last change: no two writes share one. */
  readonly modified: string;
}

/** A reading of one key that a majority of etcd's servers stands behind. */
export interface Reading {
  readonly entry: Entry | undefined;
  /** etcd's revision at that moment. */
  readonly revision: string;
  /** Number of the leader's reign at that moment. */
  readonly term: string;
}

export interface Renewal {
  readonly ttl: Milliseconds;
  readonly term: string;
}

/** What the contenders need of etcd; every operation may throw EtcdError. */
export interface Etcd {
  /** etcd may grant a longer time than asked for: 3.4 never less than 2 s at its default election timeout. */
  grant(ttl: Seconds, signal: AbortSignal): Promise<{ readonly id: LeaseId; readonly ttl: Milliseconds }>;
  /** undefined: there is no such lease, or no longer. */
  keepAlive(id: LeaseId, signal: AbortSignal): Promise<Renewal | undefined>;
  /** Ends the lease and whatever is bound to it. One that is gone already counts as done. */
  revoke(id: LeaseId, signal: AbortSignal): Promise<void>;
  read(key: string, signal: AbortSignal): Promise<Reading>;
  /**
   * Writes `value`, bound to `lease`, if the key was last changed at revision `expected` (`0`: does not exist). False
   * when it was not. When it throws, it may have been written all the same, or may yet be.
   */
  write(key: string, value: string, lease: LeaseId, expected: string, signal: AbortSignal): Promise<boolean>;
  /** Resolves with true at the first change of the key since `revision`, with false when the stream ends before. */
  changed(key: string, revision: string, signal: AbortSignal): Promise<boolean>;
}

const Int64 = z.string().regex(/^-?\d+$/);
const Header = z.object({ revision: Int64.default('0'), raft_term: Int64.default('0') });
const Grant = z.object({ ID: Int64, TTL: Int64, error: z.string().optional() });
const KeepAlive = z.object({ header: Header, TTL: Int64.default('0') });
const Range = z.object({
  header: Header,
  kvs: z
    .array(z.object({ value: z.string().default(''), lease: Int64.default('0'), mod_revision: Int64 }))
    .default([]),
});
const Txn = z.object({ succeeded: z.boolean().default(false) });
const Watch = z.object({ events: z.array(z.unknown()).default([]), canceled: z.boolean().default(false) });

export class EtcdOverHttp implements Etcd {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async grant(ttl: Seconds, signal: AbortSignal) {
    const answer = understood(Grant, await this.#cluster.call('lease/grant', { TTL: String(ttl) }, signal));
    return { id: answer.ID, ttl: timeToLive(answer.TTL) };
  }

  async keepAlive(id: LeaseId, signal: AbortSignal): Promise<Renewal | undefined> {
    const answer = understood(KeepAlive, await this.#cluster.call('lease/keepalive', { ID: id }, signal));
    const ttl = timeToLive(answer.TTL);
    return ttl > 0 ? { ttl, term: answer.header.raft_term } : undefined;
  }

  async revoke(id: LeaseId, signal: AbortSignal): Promise<void> {
    try {
      await this.#cluster.call('lease/revoke', { ID: id }, signal);
    } catch (error) {
      if (!(error instanceof EtcdError && error.code === GRPC.notFound)) throw error;
    }
  }

  async read(key: string, signal: AbortSignal): Promise<Reading> {
    const { header, kvs } = understood(
      Range,
      await this.#cluster.call('kv/range', { key: encode(key) }, signal),
    );
    const [found] = kvs;
    const entry = found && {
      value: Buffer.from(found.value, 'base64').toString(),
      lease: found.lease,
      modified: found.mod_revision,
    };
    return { entry, revision: header.revision, term: header.raft_term };
  }

  async write(key: string, value: string, lease: LeaseId, expected: string, signal: AbortSignal) {
    const transaction = {
      compare: [{ key: encode(key), target: 'MOD', result: 'EQUAL', mod_revision: expected }],
      success: [{ request_put: { key: encode(key), value: encode(value), lease } }],
    };
    return understood(Txn, await this.#cluster.call('kv/txn', transaction, signal)).succeeded;
  }

  async changed(key: string, revision: string, signal: AbortSignal): Promise<boolean> {
    const seen = new AbortController();
    const from = String(BigInt(revision) + 1n);
    const request = { create_request: { key: encode(key), start_revision: from } };
    let changed = false;
    try {
      const either = AbortSignal.any([signal, seen.signal]);
      await this.#cluster.stream('watch', request, either, (message) => {
        const { success, data } = Watch.safeParse(message);
        changed ||= success && data.events.length > 0;
        if (changed || !success || data.canceled) seen.abort();
      });
    } catch (error) {
      if (!seen.signal.aborted) throw error;
    }
    return changed;
  }
}

/** What stands in an answer. Throws, in one line, where it is not what etcd's documentation says. */
function understood<T>(schema: z.ZodType<T>, answer: unknown): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw new Error(`not an answer of etcd's: ${where}${issue?.message}`, { cause: result.error });
}

const encode = (text: string): string => Buffer.from(text).toString('base64');
const timeToLive = (ttl: string): Milliseconds => secondsToMilliseconds(seconds(Number(ttl)));
