import {
  decodeLink,
  encodeLinkDump,
  type Link,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from '../netlink/route/link.ts';
import { encodeLinkState } from '../netlink/route/macvlan.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { NetlinkRequester, type NetlinkTransport } from './request.ts';

export type { Link } from '../netlink/route/link.ts';

/** Whether others may ask by it for an address, and it may ask for theirs (ARP, neighbour solicitations). */
export const isAsked = ({ name, mac }: Pick<Link, 'name' | 'mac'>): boolean =>
  mac !== undefined && !name.startsWith('dummy');

/** The network interfaces of this network namespace. */
export interface Links {
  /** All of them, by index. Throws KernelError or KernelAnswerError. */
  list(): readonly Link[];
  /** Throws KernelError, or KernelAnswerError. */
  setUp(index: number, up: boolean): void;
  close(): void;
}

/** Throws SystemError. */
export function openLinks(socket: NetlinkTransport = openNetlinkSocket(NETLINK_ROUTE)): Links {
  const netlink = new NetlinkRequester(socket);
  return {
    list: () =>
      netlink.dump(
        { attempt: { operation: 'list', object: 'links' }, type: RTM_GETLINK, payload: encodeLinkDump() },
        (message) => (message.type === RTM_NEWLINK ? decodeLink(message.payload) : undefined),
      ),
    setUp: (index, up) => {
      const attempt = { operation: up ? 'set up' : 'set down', object: `link ${index}` };
      netlink.request({ attempt, type: RTM_SETLINK, payload: encodeLinkState(index, up) });
    },
    close: () => netlink.close(),
  };
}
