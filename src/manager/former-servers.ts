/**
 * Real servers that were masqueraded and are no longer, by one configuration and the next. The kernel goes on with the
 * connections that they have as it began: their replies come by this director, which must forward them.
 */
import type { ConfiguredVirtualServer } from '../model/config.ts';
import { type ActualTable, tableKeyText } from '../model/ipvs-table.ts';
import { masqueradedOf, type PreparedFor } from '../prepare/director.ts';

export class FormerServers {
  /** By name: definitions with such real servers, each as it was last. */
  readonly #definitions = new Map<string, ConfiguredVirtualServer>();

  /** These are to be replaced by others. */
  add(virtualServers: readonly ConfiguredVirtualServer[]): void {
    for (const each of virtualServers)
      if (masqueradedOf(each).length > 0) this.#definitions.set(each.name, each);
  }

  /** None of them needs anything any more; as long as other services need the same, nobody can tell. */
  clear(): void {
    this.#definitions.clear();
  }

  /** Those of `table` that have connections, as if they were masqueraded still; those of `present` among them. */
  busyIn(table: ActualTable, present: readonly ConfiguredVirtualServer[]): readonly PreparedFor[] {
    const masqueraded = new Map<string, Set<string>>();
    for (const each of [...this.#definitions.values(), ...present]) {
      const addresses = masqueradedOf(each);
      if (addresses.length === 0) continue;
      for (const key of each.entries) {
        const text = tableKeyText(key);
        const known = masqueraded.get(text) ?? new Set();
        for (const { address } of addresses) known.add(address);
        masqueraded.set(text, known);
      }
    }
    return table.flatMap(({ key, realServers }) => {
      const busy = realServers.filter(
        ({ address, forwarding, connections: { active, inactive } }) =>
          forwarding !== 'nat' && active + inactive > 0 && masqueraded.get(tableKeyText(key))?.has(address),
      );
      return busy.length === 0 ? [] : [asMasqueraded(key, busy)];
    });
  }
}

const asMasqueraded = (
  key: ActualTable[number]['key'],
  servers: ActualTable[number]['realServers'],
): PreparedFor => ({
  entries: [key],
  match: [],
  scheduler: 'wlc',
  persistence: undefined,
  onFailure: 'remove',
  sorryServers: [],
  realServers: servers.map(({ address }) => ({ address, forwarding: 'nat' })),
});
