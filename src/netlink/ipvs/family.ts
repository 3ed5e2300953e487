import {
  addressFromBytes,
  addressToBytes,
  type Family,
  type IpAddress,
  ipv4FromNumber,
} from '../../model/address.ts';
import type { Attributes } from '../attribute.ts';
import type { Fault } from '../reader.ts';

const AF_INET = 2;
const AF_INET6 = 10;

export const familyNumber = (family: Family): number => (family === 'ipv4' ? AF_INET : AF_INET6);

export function familyFromNumber(number: number, fault: Fault): Family {
  if (number !== AF_INET && number !== AF_INET6) fault.report(`address family ${number}`);
  return number === AF_INET6 ? 'ipv6' : 'ipv4';
}

/** union nf_inet_addr: sixteen bytes, an IPv4 address in the first four. */
export function addressUnion(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(addressToBytes(address));
  return bytes;
}

export const readAddressUnion = (attributes: Attributes, type: number, family: Family): IpAddress =>
  family === 'ipv4' ? ipv4FromNumber(attributes.u32be(type)) : addressFromBytes(attributes.bytes(type, 16));
