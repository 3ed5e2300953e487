/** How ipvsadm prints an address with its port. */
import { addressToBytes, familyOf, type IpAddress, ipv4FromNumber } from '../model/address.ts';
import type { Protocol } from '../model/virtual-server.ts';
import type { KnownNames } from './names.ts';

/** Bytes that ipvsadm has room for. */
const ROOM = 59;

/** `10.1.1.254:80`, `[2001:db8::fe]:80`, or with the names that are known. */
export function addressAndPort(
  address: IpAddress,
  port: number,
  protocol: Protocol | undefined,
  names: KnownNames,
): string {
  const host = names.host(address) ?? addressText(address);
  const service = names.service(port, protocol) ?? String(port);
  const text = familyOf(address) === 'ipv4' ? `${host}:${service}` : `[${host}]:${service}`;
  return text.slice(0, ROOM);
}

/** As inet_ntop(3) does: an IPv6 address that holds an IPv4 one, ::1.2.3.4 and ::ffff:1.2.3.4, shows it. */
export function addressText(address: IpAddress): string {
  const head = /^::(?:ffff:)?(?=[0-9a-f]+:[0-9a-f]+$)/.exec(address)?.[0];
  if (head === undefined) return address;
  const bytes = addressToBytes(address);
  return `${head}${ipv4FromNumber(new DataView(bytes.buffer, bytes.byteOffset + 12, 4).getUint32(0))}`;
}
