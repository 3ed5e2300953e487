/**
 * The kernel of one simulated machine, as far as virtual addresses go: each is installed with a lifetime, and removed
 * by the kernel itself when that runs out. It outlives the processes.
 */
import type { VirtualAddress } from '../../src/model/virtual-router.ts';
import type { InstanceKey } from '../../src/vrrp/director/event.ts';
import type { Random } from './random.ts';

interface Installed {
  readonly prefix: VirtualAddress;
  /** On the clock of the machine. */
  readonly until: number;
}

/** Linux ends an address up to 20 ms early (ADDRCONF_TIMER_FUZZ_MINUS, net/addrconf.h), or up to a second late. */
const EARLY = 20;
const LATE = 1000;

export class Kernel {
  /** Counts the times that an instance's first address came or its last one went. */
  turns = 0;
  readonly #instances = new Map<InstanceKey, Map<string, Installed>>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  put(key: InstanceKey, addresses: readonly VirtualAddress[], lifetime: number, now: number): void {
    const lateness = this.#random.chance(0.5) ? -EARLY : this.#random.between(0, LATE);
    const installed = this.#instances.get(key) ?? new Map<string, Installed>();
    this.#instances.set(key, installed);
    if (installed.size === 0) this.turns++;
    for (const prefix of addresses) {
      installed.set(prefix.address, { prefix, until: now + lifetime * 1000 + lateness });
    }
  }

  /** Those that were there. */
  remove(key: InstanceKey, addresses: readonly VirtualAddress[]): readonly VirtualAddress[] {
    const installed = this.#instances.get(key);
    const removed = addresses.filter(({ address }) => installed?.delete(address) === true);
    if (removed.length > 0 && installed?.size === 0) this.turns++;
    return removed;
  }

  /** What has run out, and is gone now. */
  expire(now: number): readonly (readonly [InstanceKey, readonly VirtualAddress[]])[] {
    const gone: [InstanceKey, VirtualAddress[]][] = [];
    for (const [key, installed] of this.#instances) {
      const over = [...installed.values()].filter(({ until }) => until <= now).map(({ prefix }) => prefix);
      for (const { address } of over) installed.delete(address);
      if (over.length > 0) gone.push([key, over]);
    }
    return gone;
  }

  /** When the next one runs out. */
  get nextEnd(): number | undefined {
    let next: number | undefined;
    for (const installed of this.#instances.values()) {
      for (const { until } of installed.values()) if (next === undefined || until < next) next = until;
    }
    return next;
  }

  held(key: InstanceKey): readonly VirtualAddress[] {
    return [...(this.#instances.get(key)?.values() ?? [])].map(({ prefix }) => prefix);
  }

  has(key: InstanceKey): boolean {
    return (this.#instances.get(key)?.size ?? 0) > 0;
  }

  answersFor(address: string): boolean {
    for (const installed of this.#instances.values()) if (installed.has(address)) return true;
    return false;
  }

  keys(): Iterable<InstanceKey> {
    return this.#instances.keys();
  }

  clear(): void {
    this.#instances.clear();
  }
}
