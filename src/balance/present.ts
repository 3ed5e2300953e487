/** The kernel's table, to be looked things up in: each question costs the same however large it is. */
import {
  type ActualTable,
  type ActualVirtualServer,
  type ConnectionCounts,
  realServerKey,
  type TableKey,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { atOnce, eachOf, type Steps } from '../model/steps.ts';

type Held = ActualVirtualServer['realServers'][number];

export class PresentTable {
  readonly #entries: ReadonlyMap<string, ActualVirtualServer>;
  /** Made for those that are asked for. */
  readonly #realServers = new Map<string, ReadonlyMap<string, Held>>();

  constructor(table: ActualTable, entries?: ReadonlyMap<string, ActualVirtualServer>) {
    this.#entries = entries ?? atOnce(byKey(table));
  }

  static *inSteps(table: ActualTable): Steps<PresentTable> {
    return new PresentTable(table, yield* byKey(table));
  }

  virtualServer(key: TableKey): ActualVirtualServer | undefined {
    return this.#entries.get(tableKeyText(key));
  }

  /** `name`: as `realServerKey` has it. */
  realServer(key: TableKey, name: string): Held | undefined {
    return this.realServers(key).get(name);
  }

  /** By `realServerKey`. */
  realServers(key: TableKey): ReadonlyMap<string, Held> {
    const text = tableKeyText(key);
    const known = this.#realServers.get(text);
    if (known !== undefined) return known;
    const held = this.#entries.get(text)?.realServers ?? [];
    const made = new Map(held.map((server) => [realServerKey(server), server]));
    this.#realServers.set(text, made);
    return made;
  }
}

/** The entries by `tableKeyText`. */
export function* byKey<Entry extends { readonly key: TableKey }>(
  table: readonly Entry[],
): Steps<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  yield* eachOf(table, (entry) => {
    entries.set(tableKeyText(entry.key), entry);
  });
  return entries;
}

/** undefined when there is none of them in the table. */
export const sumOf = (counts: readonly ConnectionCounts[]): ConnectionCounts | undefined =>
  counts.length === 0
    ? undefined
    : counts.reduce((sum, each) => ({
        active: sum.active + each.active,
        inactive: sum.inactive + each.inactive,
        persistent: sum.persistent + each.persistent,
      }));
