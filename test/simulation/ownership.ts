/** Who held what, and when more than one did, or none. */
import type { InstanceKey } from '../../src/vrrp/director/event.ts';

/** A time in which one instance's addresses had several owners, or none, among directors that hear each other. */
export interface Stretch {
  readonly key: InstanceKey;
  readonly from: number;
  readonly to: number;
  readonly owners: readonly string[];
}

interface Open {
  from: number;
  owners: string;
}

export interface Owner {
  readonly name: string;
  owns(key: InstanceKey): boolean;
}

export class Ownership {
  readonly stretches: Stretch[] = [];
  readonly #keys: readonly InstanceKey[];
  #parts: readonly (readonly Owner[])[];
  readonly #open = new Map<string, Open>();

  constructor(keys: readonly InstanceKey[], machines: readonly Owner[]) {
    this.#keys = keys;
    this.#parts = [machines];
  }

  /** From now on these are apart. */
  divide(parts: readonly (readonly Owner[])[], now: number): void {
    this.close(now);
    this.#parts = parts;
    this.note(now);
  }

  note(now: number): void {
    for (const [part, machines] of this.#parts.entries()) {
      for (const key of this.#keys) this.#noteOne(part, key, machines, now);
    }
  }

  close(now: number): void {
    for (const [id, open] of this.#open) this.#end(id, open, now);
    this.#open.clear();
  }

  #noteOne(part: number, key: InstanceKey, machines: readonly Owner[], now: number): void {
    let owners = '';
    let count = 0;
    for (const machine of machines) {
      if (!machine.owns(key)) continue;
      owners += machine.name;
      count++;
    }
    const id = `${part} ${key}`;
    const open = this.#open.get(id);
    if (open?.owners === owners) return;
    if (open !== undefined) this.#end(id, open, now);
    if (count === 1) this.#open.delete(id);
    else this.#open.set(id, { from: now, owners });
  }

  #end(id: string, { from, owners }: Open, to: number): void {
    if (to <= from) return;
    const key = id.slice(id.indexOf(' ') + 1);
    const last = this.stretches.at(-1);
    // Another pair of owners without a pause is the same stretch.
    if (
      last !== undefined &&
      last.key === key &&
      last.to === from &&
      last.owners.length > 1 &&
      owners.length > 1
    ) {
      this.stretches[this.stretches.length - 1] = {
        ...last,
        to,
        owners: [...new Set([...last.owners, ...owners])],
      };
      return;
    }
    this.stretches.push({ key, from, to, owners: [...owners] });
  }
}
