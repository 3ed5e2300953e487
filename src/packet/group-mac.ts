import { addressToBytes, familyOf, type IpAddress, type MacAddress, macFromBytes } from '../model/address.ts';

/** Where frames for a group go: RFC 1112 section 6.4 (its last 23 bits), RFC 2464 section 7 (its last 32). */
export function groupMac(group: IpAddress): MacAddress {
  const [first = 0, second = 0, third = 0, fourth = 0] = addressToBytes(group).subarray(-4);
  return macFromBytes(
    familyOf(group) === 'ipv4'
      ? Uint8Array.of(0x01, 0x00, 0x5e, second & 0x7f, third, fourth)
      : Uint8Array.of(0x33, 0x33, first, second, third, fourth),
  );
}
