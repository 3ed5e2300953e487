/** Which notices of rtnetlink are worth a wake-up: a classic BPF program for the socket that hears them. */

import { FAMILY_NUMBER } from '../netlink/family.ts';
import { MESSAGE_HEADER } from '../netlink/message.ts';
import { IFA_CACHEINFO, IFA_F_NODAD, RTM_NEWADDR } from '../netlink/route/address.ts';
import { RTPROT_VIPWARD } from '../netlink/route/numbers.ts';
import { ROUTE_PROTOCOL_OFFSET, RTM_DELROUTE, RTM_NEWROUTE } from '../netlink/route/route.ts';
import { BPF, type FilterInstruction, KEEP_ALL } from '../sys/socket-filter.ts';

/** struct ifaddrmsg: family, prefix length, flags, scope, index. */
const ADDRESS_FLAGS_OFFSET = 2;
const ADDRESS_SIZE = 8;
/** struct ifa_cacheinfo behind its attribute's header: preferred, valid, when it was made, when it was changed. */
const VALID_OFFSET = 8;
const MADE_OFFSET = 12;
const CHANGED_OFFSET = 16;
const INFINITY = 0xffffffff;

/** The type of a message, whose bytes are swapped: the header is in host order, what BPF loads in network order. */
const swapped = (type: number): number => type << 8;

/**
 * Drops what happens all the time and is no news:
 * - routes of others: a router with the whole Internet's sees many change every second;
 * - an address that was there before and has an end, as after each renewal of a lease: hundreds of virtual addresses
 *   are each renewed several times a second. One that was made in that moment, or has no end now, is let through; and
 *   so is an IPv6 address that may yet turn out to be a duplicate, whose notice may tell that it is none.
 */
export const NOTICE_FILTER: readonly FilterInstruction[] = [
  [BPF.loadHalf, 0, 0, 4],
  [BPF.jumpIfEqual, 3, 0, swapped(RTM_NEWROUTE)],
  [BPF.jumpIfEqual, 2, 0, swapped(RTM_DELROUTE)],
  [BPF.jumpIfEqual, 3, 0, swapped(RTM_NEWADDR)],
  [BPF.return, 0, 0, KEEP_ALL],
  // A route.
  [BPF.loadByte, 0, 0, MESSAGE_HEADER + ROUTE_PROTOCOL_OFFSET],
  [BPF.jumpIfEqual, 17, 18, RTPROT_VIPWARD],
  // An address.
  [BPF.loadByte, 0, 0, MESSAGE_HEADER],
  [BPF.jumpIfEqual, 3, 0, FAMILY_NUMBER.ipv4],
  [BPF.loadByte, 0, 0, MESSAGE_HEADER + ADDRESS_FLAGS_OFFSET],
  [BPF.and, 0, 0, IFA_F_NODAD],
  [BPF.jumpIfEqual, 12, 0, 0],
  [BPF.loadConstant, 0, 0, MESSAGE_HEADER + ADDRESS_SIZE],
  [BPF.loadConstantToX, 0, 0, IFA_CACHEINFO],
  [BPF.loadWord, 0, 0, BPF.attributeOffset],
  [BPF.jumpIfEqual, 8, 0, 0],
  [BPF.moveToX, 0, 0, 0],
  [BPF.loadWordBehindX, 0, 0, VALID_OFFSET],
  [BPF.jumpIfEqual, 5, 0, INFINITY],
  [BPF.loadWordBehindX, 0, 0, MADE_OFFSET],
  [BPF.store, 0, 0, 0],
  [BPF.loadWordBehindX, 0, 0, CHANGED_OFFSET],
  [BPF.loadStoredToX, 0, 0, 0],
  [BPF.jumpIfEqualToX, 0, 1, 0],
  [BPF.return, 0, 0, KEEP_ALL],
  [BPF.return, 0, 0, 0],
];
