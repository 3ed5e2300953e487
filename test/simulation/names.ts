/** Names and addresses in a simulation. */
import { addressFromBytes, type IpAddress } from '../../src/model/address.ts';
import type { InstanceKey } from '../../src/vrrp/director/event.ts';

export const interfaceName = (network: number): string => `eth${network}`;

/** The network of an instance's own interface. */
export const networkOf = (key: InstanceKey): number => Number(key.slice(3, key.indexOf(' ')));

/** A host's address on a network, of the instance's family. */
export function addressOf(key: InstanceKey, network: number, host: number): IpAddress {
  const known = `${key.endsWith('ipv6')} ${network} ${host}`;
  let address = ADDRESSES.get(known);
  if (address === undefined) {
    address = key.endsWith('ipv6')
      ? addressFromBytes(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, network, 0, host))
      : addressFromBytes(Uint8Array.of(10, network + 1, 1, host));
    ADDRESSES.set(known, address);
  }
  return address;
}

const ADDRESSES = new Map<string, IpAddress>();
