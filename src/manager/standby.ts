/** Which virtual routers `vipward handover --stay-down` keeps backups, remembered until `vipward resume`. */
import { z } from 'zod';
import type { SyncGroup, VirtualRouter } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { StateFile } from './state-file.ts';

/** In bytes. */
const SIZE_LIMIT = 1024 * 1024;
const Document = z.object({
  version: z.literal(2),
  virtualRouters: z.array(z.object({ name: z.string(), interface: z.string(), vrid: z.number() })),
});

/** What a virtual router is known by: to people, and on the network. */
export type Kept = Pick<VirtualRouter, 'name' | 'interface' | 'vrid'>;

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
  readonly #file: StateFile<z.infer<typeof Document>>;
  #kept: readonly Kept[];

  constructor(directory: string, log: Log) {
    this.#file = new StateFile({
      directory,
      name: 'standby.json',
      limit: SIZE_LIMIT,
      schema: Document,
      log,
      durable: 'at once',
      unwritable: 'after a restart nothing is kept a backup any more',
    });
    this.#kept = this.#file.read()?.virtualRouters ?? [];
  }

  get names(): readonly string[] {
    return this.#kept.map(({ name }) => name);
  }

  add(routers: readonly Kept[]): void {
    this.#keep([...this.#kept, ...routers]);
  }

  /** These, or all where none is named; returns those that were kept. */
  remove(names: readonly string[]): readonly string[] {
    const removed = this.names.filter((name) => names.length === 0 || names.includes(name));
    this.#keep(this.#kept.filter(({ name }) => !removed.includes(name)));
    return removed;
  }

  /** Another configuration: another name makes no other virtual router, nor does another VRID under the same name. */
  follow(routers: readonly Kept[]): void {
    this.#keep(
      this.#kept.map((kept) => {
        const same = routers.find(({ interface: on, vrid }) => on === kept.interface && vrid === kept.vrid);
        return same ?? routers.find(({ name }) => name === kept.name) ?? kept;
      }),
    );
  }

  #keep(routers: readonly Kept[]): void {
    const byName = new Map(
      routers.map(({ name, interface: on, vrid }) => [name, { name, interface: on, vrid }]),
    );
    const kept = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    if (JSON.stringify(kept) === JSON.stringify(this.#kept)) return;
    this.#kept = kept;
    this.#file.write({ version: 2, virtualRouters: kept });
  }
}
