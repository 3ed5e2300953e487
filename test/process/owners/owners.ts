/**
 * Who held which VIP, in the order in which the kernel itself changed its addresses: one netlink socket hears the
 * notices of all directors' namespaces (NETLINK_LISTEN_ALL_NSID), and the kernel makes them under one lock. So of two
 * changes it is certain which came first, however late this program reads them.
 */
import { EventLog } from '../../lab/support/event-log.ts';
import type { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode } from '../../lab/support/network.ts';

export interface Change {
  readonly director: string;
  readonly address: string;
  readonly holds: boolean;
  /** When the notice was read: ms since 1970. */
  readonly time: number;
}

/** A stretch of time. */
export interface Stretch {
  readonly owners: readonly string[];
  readonly from: number;
  /** Infinity: it lasts. */
  readonly to: number;
}

const LINE = /^\[(.+?)\] \[nsid (\d+)\](Deleted )?\d+: \S+\s+inet6? ([^/ ]+)\//;
/** A documentation address (RFC 5737), which no test uses. */
const SIGN = '192.0.2.77';

export class Owners {
  /** Only changes: renewals are none. */
  readonly changes = new EventLog<Change>();
  readonly #holds = new Map<string, boolean>();

  /** Resolves when it hears all of them. Namespaces must not hold any VIP yet. */
  static async watch(lab: Lab, directors: readonly NamespaceNode[]): Promise<Owners> {
    const owners = new Owners();
    const room = await lab.switchRoom();
    const ids = await namespaceIds(lab, room.namespace);
    const byId = new Map(directors.map((node) => [ids.get(node.namespace), node.name]));
    const monitor = await room.spawn(['ip', '-o', '-ts', 'monitor', 'all-nsid', 'address']);
    let taken = 0;
    const take = () => {
      for (const line of monitor.stdout.all.slice(taken)) owners.#take(line, byId);
      taken = monitor.stdout.all.length;
    };
    // The lines themselves are kept first, whole.
    monitor.onData('stdout', () => queueMicrotask(take));
    for (const director of directors) await owners.#shown(director);
    return owners;
  }

  ownersOf(address: string): readonly string[] {
    return [...this.#holds]
      .filter(([key, holds]) => holds && key.endsWith(` ${address}`))
      .map(([key]) => key.slice(0, key.indexOf(' ')));
  }

  /** Resolves as soon as just these own it. */
  async become(address: string, names: readonly string[], timeout = 60_000): Promise<void> {
    await this.changes.waitFor(() => this.ownersOf(address).toSorted().join() === names.toSorted().join(), {
      since: Math.max(0, this.changes.mark - 1),
      what: `${address} to be on ${names.length === 0 ? 'nobody' : names.join()}`,
      timeout,
    });
  }

  /** From the first change on, or from number `since` of `changes`. */
  stretches(address: string, since = 0): readonly Stretch[] {
    const owners = new Set<string>();
    const stretches: Stretch[] = [];
    const all = this.changes.all.map((change, place) => ({ ...change, place }));
    const changes = all.filter((change) => change.address === address);
    changes.forEach(({ director, holds, time, place }, index) => {
      if (holds) owners.add(director);
      else owners.delete(director);
      const to = changes[index + 1]?.time ?? Number.POSITIVE_INFINITY;
      if (place >= since) stretches.push({ owners: [...owners], from: time, to });
    });
    return stretches;
  }

  /** Every stretch during which more than one held it. */
  doubles(address: string, since = 0): readonly Stretch[] {
    return this.stretches(address, since).filter(({ owners }) => owners.length > 1);
  }

  #take(line: string, byId: ReadonlyMap<string | undefined, string>): void {
    const [, date = '', nsid = '', deleted, address = ''] = LINE.exec(line) ?? [];
    const director = byId.get(nsid);
    if (director === undefined) return;
    const key = `${director} ${address}`;
    const holds = deleted === undefined;
    if ((this.#holds.get(key) ?? false) === holds) return;
    this.#holds.set(key, holds);
    this.changes.push({ director, address, holds, time: Date.parse(date) });
  }

  /** The monitor says nothing when it is ready, so it is shown a change until it tells of one. */
  async #shown(node: NamespaceNode): Promise<void> {
    let seen = false;
    const sign = this.changes
      .waitFor(({ director, address, holds }) => director === node.name && address === SIGN && !holds)
      .then(() => {
        seen = true;
      });
    while (!seen) {
      await node.run(`ip address add ${SIGN}/32 dev lo && ip address del ${SIGN}/32 dev lo`);
      await Promise.race([sign, new Promise((resolve) => setImmediate(resolve))]);
    }
  }
}

/** The ids by which the switches' namespace knows those that it has cables to. */
async function namespaceIds(lab: Lab, room: string): Promise<ReadonlyMap<string, string>> {
  const list = await lab.machine.run(['ip', '-n', room, 'netns', 'list-id']);
  const pairs = list.matchAll(/nsid (\d+) .*name: (\S+?)\)/g);
  return new Map([...pairs].map(([, id = '', name = '']) => [name, id]));
}
