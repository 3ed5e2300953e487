import { NLM_F } from '../netlink/message.ts';
import { Malformed } from '../netlink/reader.ts';
import {
  encodeLinkDump,
  encodeLinkQuery,
  encodeLinkQueryByIndex,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from '../netlink/route/link.ts';
import { decodeLinkDetail, encodeRemoveLink, type LinkDetail } from '../netlink/route/macvlan.ts';
import { type Attempt, isKernelError, KernelAnswerError } from './kernel-error.ts';
import { NetlinkRequester, type NetlinkTransport } from './request.ts';

/** Links with their details, over netlink. */
export class LinkKernel {
  readonly #netlink: NetlinkRequester;

  constructor(socket: NetlinkTransport) {
    this.#netlink = new NetlinkRequester(socket);
  }

  list(): readonly LinkDetail[] {
    return this.#netlink.dump(
      { attempt: { operation: 'list', object: 'links' }, type: RTM_GETLINK, payload: encodeLinkDump() },
      (message) => (message.type === RTM_NEWLINK ? decodeLinkDetail(message.payload) : undefined),
    );
  }

  find(name: string): LinkDetail | undefined {
    return this.#find(name, encodeLinkQuery(name));
  }

  findByIndex(index: number): LinkDetail | undefined {
    // The kernel takes 0 for a query that names no link.
    return index === 0 ? undefined : this.#find(String(index), encodeLinkQueryByIndex(index));
  }

  #find(which: string, payload: Uint8Array): LinkDetail | undefined {
    const attempt = { operation: 'find', object: `link ${which}` };
    try {
      const [answer] = this.#netlink.request({ attempt, type: RTM_GETLINK, payload });
      const detail = answer && decodeLinkDetail(answer.payload);
      if (detail instanceof Malformed) throw new KernelAnswerError(attempt, detail.reason);
      return detail;
    } catch (error) {
      if (isKernelError(error, 'ENODEV')) return undefined;
      throw error;
    }
  }

  make(attempt: Attempt, payload: Uint8Array): void {
    this.#netlink.request({ attempt, type: RTM_NEWLINK, flags: NLM_F.create | NLM_F.exclusive, payload });
  }

  set(attempt: Attempt, payload: Uint8Array): void {
    this.#netlink.request({ attempt, type: RTM_SETLINK, payload });
  }

  /** Waits until the kernel has forgotten it. One that is not there is gone. */
  remove(attempt: Attempt, index: number): void {
    try {
      this.#netlink.request({ attempt, type: RTM_DELLINK, payload: encodeRemoveLink(index) });
    } catch (error) {
      if (!isKernelError(error, 'ENODEV')) throw error;
    }
  }

  close(): void {
    this.#netlink.close();
  }
}
