/**
 * The neighbour entries of those that adverts go to: multicast groups, and unicast peers. The kernel makes one when the
 * first packet is sent to a group, and throws it away like any other; where the table is full of strangers (a flood of
 * ARP requests or neighbour solicitations fills its 1,024 places in a second) it cannot be made, adverts are not sent,
 * and both directors become active. A permanent entry has a place of its own; so has that of a peer that is marked as
 * looked after by somebody, whose Ethernet address the kernel goes on to look up by itself, so that another network
 * card there is noticed.
 */
import type { IpAddress } from '../model/address.ts';
import { NLM_F } from '../netlink/message.ts';
import { Malformed } from '../netlink/reader.ts';
import {
  decodeNeighbour,
  encodeGetNeighbour,
  encodeKeptNeighbour,
  encodePermanentNeighbour,
  encodeRemoveNeighbour,
  type NeighbourEntry,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from '../netlink/route/neighbour.ts';
import { groupMac } from '../packet/group-mac.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { type Attempt, isKernelError, KernelAnswerError } from './kernel-error.ts';
import { NetlinkRequester, type NetlinkTransport } from './request.ts';

export interface GroupNeighbours {
  /**
   * Sees to it that packets to the group always find their way out of the link. To be called again when the link has
   * been down, which takes the entry away; does nothing where it is there. Throws KernelError or KernelAnswerError.
   */
  put(index: number, group: IpAddress): void;
  /**
   * Sees to it that the entry of a peer, which is made where there is none, stays in the table. To be called again as
   * `put`; one that somebody made permanent is left alone. False where it was kept already, and is not ours to remove.
   * Throws as `put`.
   */
  keep(index: number, peer: IpAddress): boolean;
  /** Leaves the entry to the kernel's own care; one that is not there is gone. Throws as `put`. */
  remove(index: number, group: IpAddress): void;
  close(): void;
}

/** Throws SystemError. */
export const openGroupNeighbours = (
  socket: NetlinkTransport = openNetlinkSocket(NETLINK_ROUTE),
): GroupNeighbours => new NetlinkNeighbours(new NetlinkRequester(socket));

class NetlinkNeighbours implements GroupNeighbours {
  readonly #netlink: NetlinkRequester;

  constructor(netlink: NetlinkRequester) {
    this.#netlink = netlink;
  }

  put(index: number, group: IpAddress): void {
    this.#replace(attempt('put', index, group), encodePermanentNeighbour(index, group, groupMac(group)));
  }

  keep(index: number, peer: IpAddress): boolean {
    const known = this.#find(index, peer);
    if (known?.kept === true) return false;
    this.#replace(attempt('keep', index, peer), encodeKeptNeighbour(index, peer, known?.mac));
    return true;
  }

  remove(index: number, group: IpAddress): void {
    try {
      this.#netlink.request({
        attempt: attempt('remove', index, group),
        type: RTM_DELNEIGH,
        payload: encodeRemoveNeighbour(index, group),
      });
    } catch (error) {
      if (!isKernelError(error, 'ENOENT', 'ENODEV', 'ENXIO')) throw error;
    }
  }

  close(): void {
    this.#netlink.close();
  }

  #replace(asked: Attempt, payload: Uint8Array): void {
    this.#netlink.request({
      attempt: asked,
      type: RTM_NEWNEIGH,
      flags: NLM_F.create | NLM_F.replace,
      payload,
    });
  }

  #find(index: number, address: IpAddress): NeighbourEntry | undefined {
    const asked = attempt('look up', index, address);
    try {
      const payload = encodeGetNeighbour(index, address);
      const [answer] = this.#netlink.request({ attempt: asked, type: RTM_GETNEIGH, payload });
      const entry = answer && decodeNeighbour(answer.payload);
      if (entry instanceof Malformed) throw new KernelAnswerError(asked, entry.reason);
      return entry;
    } catch (error) {
      if (isKernelError(error, 'ENOENT')) return undefined;
      throw error;
    }
  }
}

const attempt = (operation: string, index: number, address: IpAddress): Attempt => ({
  operation,
  object: `neighbour ${address} on link ${index}`,
});
