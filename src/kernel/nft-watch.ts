/** Tells when somebody may have changed a table of nftables: a restart of nftables.service takes all of them away. */
import { splitDatagram } from '../netlink/message.ts';
import { NFNLGRP_NFTABLES, tableOfNotice } from '../netlink/nftables.ts';
import { isSystemError } from '../sys/errors.ts';
import { NETLINK_NETFILTER, type NetlinkSocket, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { READABLE, Reactor } from '../sys/reactor.ts';

/** Datagrams read before others have their turn. */
const MOST_AT_ONCE = 256;

/**
 * `listener` is told of changes of the tables of these names, of whatever family, also by ourselves, and where notices
 * were lost; it may be told many times of one change. Throws SystemError where nobody tells of changes.
 */
export function watchTables(names: readonly string[], listener: () => void): { close(): void } {
  const socket = openNetlinkSocket(NETLINK_NETFILTER, { groups: [NFNLGRP_NFTABLES] });
  const reactor = new Reactor();
  let open = true;
  reactor.add(socket.fd, READABLE, () => {
    let isConcerned = false;
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      const changed = next(socket);
      if (changed === undefined) break;
      isConcerned ||= changed === 'lost' || names.some((name) => changed.includes(name));
    }
    if (isConcerned && open) listener();
  });
  return {
    close() {
      if (!open) return;
      open = false;
      reactor.remove(socket.fd);
      reactor.close();
      socket.close();
    },
  };
}

/** The tables of the next datagram; undefined: there is none. */
function next(socket: NetlinkSocket): readonly unknown[] | 'lost' | undefined {
  try {
    const bytes = socket.receive();
    return bytes && splitDatagram(bytes).messages.map(tableOfNotice);
  } catch (error) {
    if (isSystemError(error, 'ENOBUFS')) return 'lost';
    throw error;
  }
}
