/** Addresses that mean something on one link only. */
import { addressFromBytes, type IpAddress, isWithin } from '../model/address.ts';

/** RFC 4291 section 2.5.6: fe80::/10. */
const LINK_LOCAL = { address: addressFromBytes(Uint8Array.of(0xfe, 0x80, ...Array(14).fill(0))), length: 10 };

export const isLinkLocal = (address: IpAddress): boolean => isWithin(address, LINK_LOCAL);
