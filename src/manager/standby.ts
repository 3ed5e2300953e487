/** Which virtual routers `vipward handover --stay-down` keeps backups, remembered until `vipward resume`. */
import { z } from 'zod';
import type { SyncGroup } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { StateFile } from './state-file.ts';

/** In bytes. */
const SIZE_LIMIT = 1024 * 1024;
const Kept = z.object({ version: z.literal(1), virtualRouters: z.array(z.string()) });

/** `names` with those that are active only together with one of them. */
export function withGroups(
  names: readonly string[],
  groups: readonly Pick<SyncGroup, 'members'>[],
): readonly string[] {
  const mates = groups.flatMap(({ members }) =>
    members.some((member) => names.includes(member)) ? members : [],
  );
  return [...new Set([...names, ...mates])];
}

export class Standby {
  readonly #file: StateFile<z.infer<typeof Kept>>;
  #names: ReadonlySet<string>;

  constructor(directory: string, log: Log) {
    this.#file = new StateFile({
      directory,
      name: 'standby.json',
      limit: SIZE_LIMIT,
      schema: Kept,
      log,
      unreadable: 'no virtual router is kept a backup',
      unwritable: 'after a restart nothing is kept a backup any more',
    });
    this.#names = new Set(this.#file.read()?.virtualRouters);
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  add(names: readonly string[]): void {
    this.#keep(new Set([...this.#names, ...names]));
  }

  /** These, or all where none is named; returns those that were kept. */
  remove(names: readonly string[]): readonly string[] {
    const removed = this.names.filter((name) => names.length === 0 || names.includes(name));
    this.#keep(new Set(this.names.filter((name) => !removed.includes(name))));
    return removed;
  }

  #keep(names: ReadonlySet<string>): void {
    // Adding and removing never leave as many of others.
    if (names.size === this.#names.size) return;
    this.#names = names;
    this.#file.write({ version: 1, virtualRouters: [...names].sort() });
  }
}
