import type { Prefix } from '../model/address.ts';
import { type Message, NLMSG, splitDatagram } from '../netlink/message.ts';
import { Malformed } from '../netlink/reader.ts';
import {
  decodeAddress,
  type Lifetime,
  RTM_DELADDR,
  RTM_NEWADDR,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
} from '../netlink/route/address.ts';
import { decodeLink, type Link, RTM_DELLINK, RTM_NEWLINK, RTNLGRP_LINK } from '../netlink/route/link.ts';
import { RTPROT_VIPWARD } from '../netlink/route/numbers.ts';
import {
  decodeRoute,
  type RouteEntry,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
} from '../netlink/route/route.ts';
import {
  decodeRule,
  RTM_DELRULE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_RULE,
  type RuleEntry,
} from '../netlink/route/rule.ts';
import { isSystemError } from '../sys/errors.ts';
import { NETLINK_ROUTE, type NetlinkSocket, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { READABLE, type Reactor } from '../sys/reactor.ts';
import { NOTICE_FILTER } from './notice-filter.ts';

/** What became of an interface or an address, in the order in which the kernel made the changes. */
export type NetworkEvent =
  /** The link is new, or anything about it changed. */
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'link-gone'; readonly index: number; readonly name: string }
  /** The address is new, or has no end any more: also by ourselves. That its end was put off is not told. */
  | { readonly kind: 'address'; readonly index: number; readonly prefix: Prefix; readonly lifetime: Lifetime }
  | { readonly kind: 'address-gone'; readonly index: number; readonly prefix: Prefix }
  /** Notices were lost: links and addresses must be listed again. */
  | { readonly kind: 'overrun' };

/**
 * What became of one of our routes or rules (those marked as ours); of others nothing is told. Beware: an IPv4 route
 * that goes with its link, with the network of its gateway or with its source address goes without a notice.
 */
export type RoutingEvent =
  | { readonly kind: 'route' | 'route-gone'; readonly route: RouteEntry }
  | { readonly kind: 'rule' | 'rule-gone'; readonly rule: RuleEntry };

export type NetworkListener = (event: NetworkEvent) => void;
export type RoutingListener = (event: RoutingEvent) => void;

export interface WatchOptions {
  /** Told of our routes and rules too, in one order with the other events. `overrun` is told to the other listener. */
  readonly onRouting?: RoutingListener;
}

const GROUPS = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];
const ROUTING_GROUPS = [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE];
/** Bytes, which the kernel doubles: some ten thousand notices. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
/** Datagrams read before other descriptors have their turn; the reactor calls again for what is left. */
const MOST_AT_ONCE = 256;
const OVERRUN: readonly NetworkEvent[] = [{ kind: 'overrun' }];

/**
 * Tells `listener` of changes from now on; list after calling this to know where they start from. Throws SystemError.
 */
export function watchNetwork(
  reactor: Reactor,
  listener: NetworkListener,
  options: WatchOptions = {},
): { close(): void } {
  const { onRouting } = options;
  const tell = (event: NetworkEvent | RoutingEvent): void =>
    isRouting(event) ? onRouting?.(event) : listener(event);
  const socket = openNetlinkSocket(NETLINK_ROUTE, {
    groups: onRouting === undefined ? GROUPS : [...GROUPS, ...ROUTING_GROUPS],
    receiveBuffer: RECEIVE_BUFFER,
    filter: NOTICE_FILTER,
  });
  const queue = new NoticeQueue(socket);
  let open = true;
  try {
    reactor.add(socket.fd, READABLE, () => {
      for (let count = 0; open && count < MOST_AT_ONCE; count++) {
        const events = queue.next();
        if (events === undefined) return;
        for (const event of events) if (open) tell(event);
      }
    });
  } catch (error) {
    socket.close();
    throw error;
  }
  return {
    close() {
      if (!open) return;
      open = false;
      reactor.remove(socket.fd);
      socket.close();
    },
  };
}

/**
 * The notices of a socket. Once its queue was full, the kernel says so a single time, and goes on losing notices in
 * silence until the queue has been emptied. So `overrun` is told at once and again when that is done, and what was
 * queued in between, older than any listing made since, is thrown away.
 */
export class NoticeQueue {
  readonly #socket: Pick<NetlinkSocket, 'receive'>;
  #lost = false;

  constructor(socket: Pick<NetlinkSocket, 'receive'>) {
    this.#socket = socket;
  }

  /** What the next datagram tells; undefined when none is queued. Throws SystemError other than ENOBUFS. */
  next(): readonly (NetworkEvent | RoutingEvent)[] | undefined {
    const bytes = this.#receive();
    if (bytes === 'overrun') {
      this.#lost = true;
      return OVERRUN;
    }
    if (!this.#lost) return bytes && decodeNotices(bytes);
    if (bytes !== undefined) return [];
    this.#lost = false;
    return OVERRUN;
  }

  #receive(): Uint8Array | 'overrun' | undefined {
    try {
      return this.#socket.receive();
    } catch (error) {
      if (isSystemError(error, 'ENOBUFS')) return 'overrun';
      throw error;
    }
  }
}

/** Pure: the events of one datagram. A notice that cannot be read is one that was lost. */
export function decodeNotices(datagram: Uint8Array): readonly (NetworkEvent | RoutingEvent)[] {
  const { messages, problem } = splitDatagram(datagram);
  const events = messages.map(decodeNotice).filter((event) => event !== undefined);
  return problem === undefined ? events : [...events, ...OVERRUN];
}

function isRouting(event: NetworkEvent | RoutingEvent): event is RoutingEvent {
  return 'route' in event || 'rule' in event;
}

function decodeNotice(message: Message): NetworkEvent | RoutingEvent | undefined {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return linkNotice(message);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return addressNotice(message);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return routeNotice(message);
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return ruleNotice(message);
    case NLMSG.overrun:
      return { kind: 'overrun' };
    default:
      return undefined;
  }
}

function linkNotice({ type, payload }: Message): NetworkEvent | undefined {
  const link = decodeLink(payload);
  if (link === undefined) return undefined;
  if (link instanceof Malformed) return { kind: 'overrun' };
  return type === RTM_NEWLINK
    ? { kind: 'link', link }
    : { kind: 'link-gone', index: link.index, name: link.name };
}

function addressNotice({ type, payload }: Message): NetworkEvent | undefined {
  const address = decodeAddress(payload);
  if (address === undefined) return undefined;
  if (address instanceof Malformed) return { kind: 'overrun' };
  const { index, prefix, lifetime } = address;
  return type === RTM_NEWADDR
    ? { kind: 'address', index, prefix, lifetime }
    : { kind: 'address-gone', index, prefix };
}

function routeNotice({ type, payload }: Message): NetworkEvent | RoutingEvent | undefined {
  const route = decodeRoute(payload);
  if (route instanceof Malformed) return { kind: 'overrun' };
  if (route?.protocol !== RTPROT_VIPWARD) return undefined;
  return { kind: type === RTM_NEWROUTE ? 'route' : 'route-gone', route };
}

function ruleNotice({ type, payload }: Message): NetworkEvent | RoutingEvent | undefined {
  const rule = decodeRule(payload);
  if (rule instanceof Malformed) return { kind: 'overrun' };
  if (rule?.protocol !== RTPROT_VIPWARD) return undefined;
  return { kind: type === RTM_NEWRULE ? 'rule' : 'rule-gone', rule };
}
