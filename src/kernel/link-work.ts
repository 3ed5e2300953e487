/**
 * Changes of links that nobody waits for. To set a macvlan down takes the kernel 7 to 22 ms, to remove it some 25 ms:
 * it waits until every CPU has let go of it, and a router with adverts every 10 ms would be silent for so long. So
 * another thread waits. What fails, or is still waiting when the process ends, is left to whoever finds the link.
 */
import { RTM_DELLINK, RTM_SETLINK } from '../netlink/route/link.ts';
import { encodeLinkState, encodeRemoveLink } from '../netlink/route/macvlan.ts';
import { BATCH, type BackgroundTransport, type NetlinkRequest, NetlinkRequester } from './request.ts';

type Task = 'down' | 'remove';

export class LinkWork {
  readonly #transport: BackgroundTransport;
  readonly #netlink: NetlinkRequester;
  readonly #raise: (index: number) => void;
  /** By index of the link, which is never given twice. */
  readonly #waiting = new Map<number, Task>();
  #underWay: ReadonlyMap<number, Task> = new Map();
  /** Of those under way to be down, the ones that are to be up again. */
  readonly #raised = new Set<number>();
  readonly #settling: (() => void)[] = [];
  #closed = false;

  /** `transport` is used for nothing else, and closed with this; `raise` sets a link up at once. */
  constructor(transport: BackgroundTransport, raise: (index: number) => void) {
    this.#transport = transport;
    this.#netlink = new NetlinkRequester(transport);
    this.#raise = raise;
  }

  down(index: number): void {
    this.#raised.delete(index);
    if (!this.#waiting.has(index)) this.#waiting.set(index, 'down');
    this.#sendNext();
  }

  remove(index: number): void {
    this.#waiting.set(index, 'remove');
    this.#sendNext();
  }

  /** The link is about to be set up: a `down` that is under way must not have the last word. */
  supersede(index: number): void {
    if (this.#waiting.get(index) === 'down') this.#waiting.delete(index);
    if (this.#underWay.get(index) === 'down') this.#raised.add(index);
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    if (this.#underWay.size === 0) return;
    await new Promise<void>((resolve) => this.#settling.push(resolve));
  }

  /** What is under way ends by itself. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#netlink.close();
  }

  #sendNext(): void {
    if (this.#closed || this.#underWay.size > 0 || this.#waiting.size === 0) return;
    const next = [...this.#waiting].slice(0, BATCH);
    for (const [index] of next) this.#waiting.delete(index);
    const batch = this.#netlink.prepare(next.map(([index, task]) => requestFor(index, task)));
    this.#underWay = new Map(next);
    try {
      this.#transport.sendInBackground(batch.bytes, (sent) => {
        // The answers must be read, whatever they are, so that they do not fill the queue.
        if (sent && !this.#closed) batch.collect();
        this.#end();
      });
    } catch {
      this.#end();
    }
  }

  #end(): void {
    this.#underWay = new Map();
    const raised = [...this.#raised];
    this.#raised.clear();
    if (!this.#closed) for (const index of raised) this.#raise(index);
    this.#sendNext();
    if (this.#underWay.size === 0) for (const resolve of this.#settling.splice(0)) resolve();
  }
}

const requestFor = (index: number, task: Task): NetlinkRequest =>
  task === 'down'
    ? {
        attempt: { operation: 'set down', object: `link ${index}` },
        type: RTM_SETLINK,
        payload: encodeLinkState(index, false),
      }
    : {
        attempt: { operation: 'remove', object: `link ${index}` },
        type: RTM_DELLINK,
        payload: encodeRemoveLink(index),
      };
