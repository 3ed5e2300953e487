import {
  addressFromBytes,
  addressToBytes,
  type Family,
  type IpAddress,
  ipv4FromNumber,
} from '../../model/address.ts';
import type { Attributes } from '../attribute.ts';
import { familyOfNumber } from '../family.ts';
import type { Fault } from '../reader.ts';

/** Any other family is reported, and taken for IPv4. */
export function familyFromNumber(number: number, fault: Fault): Family {
  const family = familyOfNumber(number);
  if (family === undefined) fault.report(`address family ${number}`);
  return family ?? 'ipv4';
}

/** union nf_inet_addr: sixteen bytes, an IPv4 address in the first four. */
export function addressUnion(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(addressToBytes(address));
  return bytes;
}

export const readAddressUnion = (attributes: Attributes, type: number, family: Family): IpAddress =>
  family === 'ipv4' ? ipv4FromNumber(attributes.u32be(type)) : addressFromBytes(attributes.bytes(type, 16));
