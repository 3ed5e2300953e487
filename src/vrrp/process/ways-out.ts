/**
 * The neighbour entries of whom adverts of one link go to, kept in the kernel's table whatever strangers put into it, and
 * let go of at the end.
 */
import type { GroupNeighbours } from '../../kernel/group-neighbours.ts';
import type { Link } from '../../kernel/links.ts';
import type { IpAddress } from '../../model/address.ts';

export interface Destinations {
  readonly groups: readonly IpAddress[];
  /** By unicast. One behind a gateway has no entry of its own, and an unused one does no harm. */
  readonly peers: readonly IpAddress[];
}

export interface WaysOutContext {
  readonly neighbours: Pick<GroupNeighbours, 'put' | 'keep' | 'remove'>;
  complain(what: string, error: unknown): void;
}

/** Of one link. */
export class WaysOut {
  readonly #context: WaysOutContext;
  /** For which link each was put last. */
  readonly #kept = new Map<IpAddress, Link>();
  /** Those that somebody else keeps. */
  readonly #foreign = new Set<IpAddress>();

  constructor(context: WaysOutContext) {
    this.#context = context;
  }

  /** To be called whenever the link, or who is written to, has changed; does nothing otherwise. */
  keep(link: Link, { groups, peers }: Destinations): void {
    if (link.mac === undefined || link.loopback) return;
    const { neighbours } = this.#context;
    for (const address of this.#kept.keys())
      if (!groups.includes(address) && !peers.includes(address)) this.#letGo(address);
    for (const group of groups) this.#keepOne(link, group, () => neighbours.put(link.index, group));
    for (const peer of peers) {
      this.#keepOne(link, peer, () => {
        if (neighbours.keep(link.index, peer)) this.#foreign.delete(peer);
        else if (!this.#kept.has(peer)) this.#foreign.add(peer);
      });
    }
  }

  release(): void {
    for (const address of this.#kept.keys()) this.#letGo(address);
  }

  #keepOne(link: Link, address: IpAddress, keep: () => void): void {
    // Any notice of the link is another object: it may have been down, which takes the entries away.
    if (this.#kept.get(address) === link) return;
    try {
      keep();
      this.#kept.set(address, link);
    } catch (error) {
      this.#context.complain(`keep a neighbour entry for ${address}`, error);
    }
  }

  #letGo(address: IpAddress): void {
    const link = this.#kept.get(address);
    this.#kept.delete(address);
    if (link === undefined || this.#foreign.delete(address)) return;
    try {
      this.#context.neighbours.remove(link.index, address);
    } catch (error) {
      this.#context.complain(`let go of the neighbour entry of ${address}`, error);
    }
  }
}
