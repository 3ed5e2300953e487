/**
 * Entries of the table whose clients others get by a new configuration (balance/take-over.ts). They stay until packets
 * go to those, and then until their connections are gone: the kernel ends the connections of what is removed.
 */
import { sumOf } from '../balance/present.ts';
import { isDrained } from '../balance/sorry.ts';
import {
  type ActualTable,
  type ActualVirtualServer,
  type TableKey,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { elapsed, type Instant } from '../model/units.ts';

interface Outgoing {
  readonly key: TableKey;
  /** When packets began to go to others; undefined: they do not yet. */
  readonly since: Instant | undefined;
}

export class OutgoingEntries {
  readonly #entries = new Map<string, Outgoing>();

  /** A new configuration holds: `replaced` go, and what it has, `isWanted` by `tableKeyText`, no longer does. */
  configure(replaced: readonly TableKey[], isWanted: (key: string) => boolean): void {
    for (const text of this.#entries.keys()) if (isWanted(text)) this.#entries.delete(text);
    for (const key of replaced) {
      const text = tableKeyText(key);
      this.#entries.set(text, this.#entries.get(text) ?? { key, since: undefined });
    }
  }

  /** Packets go to others from now on. Gives those of which that is new. */
  release(now: Instant): readonly TableKey[] {
    const held = [...this.#entries].filter(([, { since }]) => since === undefined);
    for (const [text, { key }] of held) this.#entries.set(text, { key, since: now });
    return held.map(([, { key }]) => key);
  }

  /** Those of `actual` that must not go yet, by `tableKeyText`. What has gone is forgotten. */
  staying(actual: ActualTable, now: Instant): ReadonlySet<string> {
    if (this.#entries.size === 0) return NONE;
    const present = new Map(actual.map((entry) => [tableKeyText(entry.key), entry]));
    const staying = new Set<string>();
    for (const [text, { since }] of this.#entries) {
      const entry = present.get(text);
      if (entry !== undefined && (since === undefined || !isDone(entry, elapsed(since, now))))
        staying.add(text);
      else if (since !== undefined) this.#entries.delete(text);
    }
    return staying;
  }

  /** Those whose connections are waited for. */
  get awaited(): readonly TableKey[] {
    return [...this.#entries.values()].flatMap(({ key, since }) => (since === undefined ? [] : [key]));
  }
}

const NONE: ReadonlySet<string> = new Set();

function isDone({ realServers }: ActualVirtualServer, waited: number): boolean {
  const connections = sumOf(realServers.map((server) => server.connections));
  return connections === undefined || isDrained(connections, waited);
}
