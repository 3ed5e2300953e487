/**
 * The ICMPv6 neighbour solicitation (RFC 4861 section 4.3), 24 bytes and options:
 *
 *     0  type 135    1  code 0    2  checksum    4  reserved
 *     8  target address
 *    24  options: the sender's link-layer address (type 1)
 */
import { addressFromBytes, addressToBytes, type IpAddress, type MacAddress } from '../model/address.ts';
import { icmpv6Packet, linkAddressOption, SOURCE_LINK_ADDRESS, UNSPECIFIED_IPV6 } from './icmpv6.ts';

const NEIGHBOUR_SOLICITATION = 135;
const GROUP_PREFIX = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff);

/** The group that the owner of `address` hears (RFC 4291 section 2.7.1): ff02::1:ff and the last three bytes. */
export const solicitedNodeGroup = (address: IpAddress): IpAddress =>
  addressFromBytes(Uint8Array.of(...GROUP_PREFIX, ...addressToBytes(address).subarray(13)));

/**
 * The whole IPv6 packet that asks who has `target`. Without a source it asks as duplicate address detection does
 * (RFC 4862 section 5.4.2), nobody learns anything from it, and the answer goes to all hosts.
 */
export function neighbourSolicitation(
  target: IpAddress,
  sender: { readonly address: IpAddress; readonly mac: MacAddress } | undefined,
): Uint8Array {
  const option = sender === undefined ? [] : linkAddressOption(SOURCE_LINK_ADDRESS, sender.mac);
  const message = new Uint8Array(24 + option.length);
  message[0] = NEIGHBOUR_SOLICITATION;
  message.set(addressToBytes(target), 8);
  message.set(option, 24);
  return icmpv6Packet(sender?.address ?? UNSPECIFIED_IPV6, solicitedNodeGroup(target), message);
}
