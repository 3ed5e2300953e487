/**
 * Renewals of leased addresses that nobody waits for. A change of addresses takes the kernel's one routing lock
 * (rtnl_mutex), which an ordinary process may hold while it gets no CPU: measured on a loaded machine, a renewal took
 * up to 65 ms, in which a router with adverts every 10 ms was silent and replaced. So another thread waits.
 *
 * The trap: for the kernel a renewal of an address that is gone is a new address. One that is still under way when its
 * address is removed may put it back, so when it ends, whatever was removed meanwhile is removed again.
 */
import { formatPrefix, type Prefix } from '../model/address.ts';
import { type Clock, elapsed, type Instant, type Seconds } from '../model/units.ts';
import type { AddressRefusal, AddressSpec, Lifetime } from './addresses.ts';
import { BATCH, type BackgroundTransport, type NetlinkRequest, NetlinkRequester } from './request.ts';

export interface RenewalsContext {
  /** Used for nothing else; closed with the renewals. */
  readonly transport: BackgroundTransport;
  readonly request: (index: number, prefix: AddressSpec, lifetime: Lifetime) => NetlinkRequest;
  /** At once, by another socket; throws nothing. */
  readonly put: (
    index: number,
    prefixes: readonly AddressSpec[],
    lifetime: Lifetime,
  ) => readonly AddressRefusal[];
  readonly remove: (index: number, prefixes: readonly Prefix[]) => readonly AddressRefusal[];
  readonly now: Clock;
}

type RefusalListener = (refusal: AddressRefusal) => void;

interface Renewal {
  readonly index: number;
  readonly prefix: AddressSpec;
  readonly lifetime: Lifetime;
  /** When the oldest of those that it stands for was asked for. */
  readonly askedAt: Instant;
  readonly onRefused: RefusalListener;
}

export class Renewals {
  readonly #context: RenewalsContext;
  readonly #netlink: NetlinkRequester;
  /** To be sent when those under way have ended: for each address the newest. */
  readonly #waiting = new Map<string, Renewal>();
  /** In one call of another thread; empty when there is none. */
  #underWay: ReadonlyMap<string, Renewal> = new Map();
  /** Of those under way, the addresses that were removed and not put since. */
  readonly #removed = new Set<string>();
  readonly #settling: (() => void)[] = [];
  #closed = false;

  constructor(context: RenewalsContext) {
    this.#context = context;
    this.#netlink = new NetlinkRequester(context.transport);
  }

  /**
   * Where the last renewal of an address takes longer than half the lifetime, this one is made at once, whatever it
   * waits for: the address would be lost otherwise.
   */
  renew(
    index: number,
    prefixes: readonly AddressSpec[],
    lifetime: Seconds,
    onRefused: RefusalListener,
  ): void {
    const now = this.#context.now();
    const overdue: AddressSpec[] = [];
    for (const prefix of prefixes) {
      const key = keyOf(index, prefix);
      const askedAt = (this.#underWay.get(key) ?? this.#waiting.get(key))?.askedAt ?? now;
      if (elapsed(askedAt, now) >= lifetime * 500) overdue.push(prefix);
      this.#removed.delete(key);
      this.#waiting.set(key, { index, prefix, lifetime, askedAt, onRefused });
    }
    if (overdue.length > 0) for (const each of this.#context.put(index, overdue, lifetime)) onRefused(each);
    this.#sendNext();
  }

  /** The addresses are about to be put with this lifetime: one under way with another must not have the last word. */
  superseded(index: number, prefixes: readonly AddressSpec[], lifetime: Lifetime): void {
    const now = this.#context.now();
    for (const prefix of prefixes) {
      const key = keyOf(index, prefix);
      this.#removed.delete(key);
      this.#waiting.delete(key);
      const renewal = this.#underWay.get(key);
      if (renewal) this.#waiting.set(key, { ...renewal, prefix, lifetime, askedAt: now });
    }
  }

  /** The addresses are about to be removed. */
  forget(index: number, prefixes: readonly Prefix[]): void {
    for (const prefix of prefixes) {
      const key = keyOf(index, prefix);
      this.#waiting.delete(key);
      if (this.#underWay.has(key)) this.#removed.add(key);
    }
  }

  async settled(): Promise<void> {
    if (this.#underWay.size === 0) return;
    await new Promise<void>((resolve) => this.#settling.push(resolve));
  }

  /** What is under way ends by itself. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#netlink.close();
  }

  #sendNext(): void {
    if (this.#closed || this.#underWay.size > 0) return;
    const next: [key: string, renewal: Renewal][] = [];
    for (const entry of this.#waiting) {
      if (next.length === BATCH) break;
      next.push(entry);
    }
    if (next.length === 0) return;
    for (const [key] of next) this.#waiting.delete(key);
    const renewals = next.map(([, renewal]) => renewal);
    const batch = this.#netlink.prepare(
      renewals.map(({ index, prefix, lifetime }) => this.#context.request(index, prefix, lifetime)),
    );
    this.#underWay = new Map(next);
    try {
      this.#context.transport.sendInBackground(batch.bytes, (sent) =>
        this.#end(renewals, sent && !this.#closed ? batch.collect() : undefined),
      );
    } catch {
      this.#end(renewals, undefined);
    }
  }

  /** `outcomes` undefined: it could not be sent, and why is lost. Then it is made anew at once, which tells why. */
  #end(renewals: readonly Renewal[], outcomes: readonly (Error | undefined)[] | undefined): void {
    const removed = new Set(this.#removed);
    this.#removed.clear();
    this.#underWay = new Map();
    if (!this.#closed) {
      this.#removeAgain(renewals.filter(({ index, prefix }) => removed.has(keyOf(index, prefix))));
      for (const [place, { index, prefix, lifetime, onRefused }] of renewals.entries()) {
        if (removed.has(keyOf(index, prefix))) continue;
        const error = outcomes?.[place];
        if (error !== undefined) onRefused({ prefix, error });
        if (outcomes === undefined) this.#context.put(index, [prefix], lifetime).forEach(onRefused);
      }
    }
    this.#sendNext();
    if (this.#underWay.size === 0) for (const resolve of this.#settling.splice(0)) resolve();
  }

  /** Those of one link together: see `remove` of addresses.ts for what the order is worth. */
  #removeAgain(renewals: readonly Renewal[]): void {
    for (const [index, ofLink] of Map.groupBy(renewals, (renewal) => renewal.index)) {
      const refused = this.#context.remove(
        index,
        ofLink.map(({ prefix }) => prefix),
      );
      for (const refusal of refused)
        ofLink.find(({ prefix }) => prefix === refusal.prefix)?.onRefused(refusal);
    }
  }
}

/** The last of each address, which is needed several times at each of its renewals. */
const keys = new WeakMap<Prefix, { readonly index: number; readonly key: string }>();

function keyOf(index: number, prefix: Prefix): string {
  const known = keys.get(prefix);
  if (known?.index === index) return known.key;
  const key = `${index} ${formatPrefix(prefix)}`;
  keys.set(prefix, { index, key });
  return key;
}
