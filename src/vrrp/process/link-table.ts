/** The network's links and what changed of them, for those who know an interface by its name. */
import type { Link } from '../../kernel/links.ts';
import type { NetworkEvent } from '../../kernel/watch.ts';

export class LinkTable {
  readonly #list: () => readonly Link[];
  readonly #links = new Map<number, Link>();

  /** `list` asks the kernel for all links. */
  constructor(list: () => readonly Link[]) {
    this.#list = list;
    this.reload();
  }

  named(name: string): Link | undefined {
    for (const link of this.#links.values()) if (link.name === name) return link;
    return undefined;
  }

  /** Takes a notice in; returns the names of the interfaces that may stand differently now, or 'all' of them. */
  update(event: NetworkEvent): readonly string[] | 'all' {
    switch (event.kind) {
      case 'link': {
        const before = this.#links.get(event.link.index);
        this.#links.set(event.link.index, event.link);
        // A renamed link has left its old name.
        return before && before.name !== event.link.name ? [before.name, event.link.name] : [event.link.name];
      }
      case 'link-gone':
        this.#links.delete(event.index);
        return [event.name];
      case 'address':
      case 'address-gone': {
        const link = this.#links.get(event.index);
        return link ? [link.name] : [];
      }
      case 'overrun':
        this.reload();
        return 'all';
      default:
        return event satisfies never;
    }
  }

  /** Lists them anew, where no notice can be waited for. */
  reload(): void {
    this.#links.clear();
    for (const link of this.#list()) this.#links.set(link.index, link);
  }
}
