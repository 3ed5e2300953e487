/** `host:port`, `[address]:port` and the like: the one form in which ipvsadm takes virtual services and real servers. */
import { familyOf, type IpAddress, parseAddress } from '../model/address.ts';
import type { Protocol } from '../model/virtual-server.ts';
import type { NameSource } from './names.ts';
import { numberWithin, readIpv4 } from './numbers.ts';

export interface ServiceAddress {
  readonly address: IpAddress;
  /** Absent where the text has none. */
  readonly port: number | undefined;
}

/** undefined: `text` is no such thing. Names of ports are those of `protocol`. */
export async function readServiceAddress(
  text: string,
  protocol: Protocol | undefined,
  names: NameSource,
): Promise<ServiceAddress | undefined> {
  if (/^\d*$/.test(text)) return undefined;
  const bracketed = /^\[([^\]]*)\]:(.*)$/s.exec(text);
  if (text.startsWith('[') && bracketed === null) return undefined;
  const [, inner = text, port] = bracketed ?? [];
  const direct = parseAddress(inner);
  if (direct !== undefined && familyOf(direct) === 'ipv6') return withPort(direct, port, protocol, names);
  // Of an IPv4 address in brackets, the port is what follows its own last colon, not the bracket.
  const colon = inner.lastIndexOf(':');
  const host = colon < 0 ? inner : inner.slice(0, colon);
  const address = readIpv4(host) ?? (await names.addressOf(host));
  if (address === undefined) return undefined;
  return withPort(address, colon < 0 ? undefined : inner.slice(colon + 1), protocol, names);
}

function withPort(
  address: IpAddress,
  text: string | undefined,
  protocol: Protocol | undefined,
  names: NameSource,
): ServiceAddress | undefined {
  if (text === undefined) return { address, port: undefined };
  const named = protocol === undefined ? undefined : names.portOf(text, protocol);
  const port = numberWithin(text, 0, 65535) ?? named;
  return port === undefined ? undefined : { address, port };
}
