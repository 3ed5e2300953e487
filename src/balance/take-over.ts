/**
 * Virtual servers that get the clients of others by a change of the configuration, one by address those of one by mark
 * or the other way round: which of the two the kernel asks depends on the packet's mark, and not on what the table
 * holds. Pure.
 */
import type { ConfiguredVirtualServer, MarkMatch } from '../model/config.ts';
import { type TableKey, tableKeyText } from '../model/ipvs-table.ts';
import { matchesOf } from './packet-rules.ts';

export interface TakeOver {
  /** Definitions with an entry that is new, and gets clients that another entry had before. */
  readonly successors: readonly ConfiguredVirtualServer[];
  /** Entries that are no more, and whose clients others get. */
  readonly replaced: readonly TableKey[];
}

export const NO_TAKE_OVER: TakeOver = { successors: [], replaced: [] };

export function takeOverOf(
  before: readonly ConfiguredVirtualServer[],
  after: readonly ConfiguredVirtualServer[],
): TakeOver {
  // Ranges of ports are tens of thousands of entries, and most files have no mark.
  if (![...before, ...after].some(hasMark)) return NO_TAKE_OVER;
  const were = new Asked(before);
  const are = new Asked(after);
  return {
    successors: after.filter((each) => each.entries.some((key) => !were.has(key) && were.meets(each, key))),
    replaced: before.flatMap((each) => each.entries.filter((key) => !are.has(key) && are.meets(each, key))),
  };
}

const hasMark = ({ entries }: ConfiguredVirtualServer): boolean =>
  entries.some(({ kind }) => kind === 'mark');

/** What clients ask the entries of a configuration for. */
class Asked {
  readonly #keys = new Set<string>();
  /** By address and protocol. */
  readonly #byMark = new Map<string, MarkMatch[]>();
  readonly #byAddress = new Map<string, MarkMatch[]>();

  constructor(virtualServers: readonly ConfiguredVirtualServer[]) {
    for (const virtualServer of virtualServers)
      for (const key of virtualServer.entries) {
        this.#keys.add(tableKeyText(key));
        const groups = key.kind === 'mark' ? this.#byMark : this.#byAddress;
        for (const match of matchesOf(virtualServer, key)) {
          const others = groups.get(placeOf(match));
          if (others === undefined) groups.set(placeOf(match), [match]);
          else others.push(match);
        }
      }
  }

  has(key: TableKey): boolean {
    return this.#keys.has(tableKeyText(key));
  }

  /** Whether one of these is asked for what `key` is asked for, by a mark unless `key` is one. */
  meets(virtualServer: ConfiguredVirtualServer, key: TableKey): boolean {
    const groups = key.kind === 'mark' ? [this.#byMark, this.#byAddress] : [this.#byMark];
    return matchesOf(virtualServer, key).some((match) =>
      groups.some((group) => group.get(placeOf(match))?.some((other) => overlap(match, other)) === true),
    );
  }
}

const placeOf = ({ address, protocol }: MarkMatch): string => `${address} ${protocol}`;

/** No ports are all of them. */
const overlap = ({ ports }: MarkMatch, { ports: others }: MarkMatch): boolean =>
  ports.length === 0 ||
  others.length === 0 ||
  ports.some((one) => others.some((other) => one.from <= other.to && other.from <= one.to));
