/** Addresses as the file writes them: alone, with a prefix length, with a port. */
import * as z from 'zod';
import {
  addressToBytes,
  familyOf,
  fullLength,
  type IpAddress,
  type Prefix,
  parseAddress,
} from '../model/address.ts';
import { phrase } from './phrase.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
/** Looser than the rule, which is parseAddress(): for editors. */
const IPV6 = '[0-9A-Fa-f]*:[0-9A-Fa-f:.]*';

/** An address of either family. */
export function address() {
  const words = phrase('an IPv4 or IPv6 address such as 10.1.1.2 or 2001:db8::2, without a prefix length');
  return z
    .string({ error: words })
    .regex(new RegExp(`^(?:${IPV4}|${IPV6})$`), { error: words })
    .refine((text) => parseAddress(text) !== undefined, { error: words })
    .transform((text) => toAddress(text));
}

export interface PrefixOptions {
  readonly words: string;
  /** 0 for networks, 1 for the address of a host in one. */
  readonly leastLength: 0 | 1;
}

/** An address with a prefix length; without one it is a host's own, 32 or 128. */
export function prefix({ words: expected, leastLength }: PrefixOptions) {
  const words = phrase(expected);
  return z
    .string({ error: words })
    .regex(new RegExp(`^(?:${IPV4}|${IPV6})(?:/(?:0|[1-9]\\d{0,2}))?$`), { error: words })
    .refine((text) => isPrefix(text, leastLength), { error: words })
    .transform(toPrefix);
}

export const hostPrefix = () =>
  prefix({
    words:
      'an address with a prefix length (1 to 32, or 1 to 128 for IPv6) such as 10.1.1.254/24 or 2001:db8::1/64',
    leastLength: 1,
  });

export const networkPrefix = (words = 'a network such as 10.0.0.0/8 or 2001:db8::/32, or an address') =>
  prefix({ words, leastLength: 0 });

function isPrefix(text: string, leastLength: number): boolean {
  const [host = '', length] = text.split('/');
  const address = parseAddress(host);
  if (address === undefined) return false;
  return (
    length === undefined || (Number(length) >= leastLength && Number(length) <= fullLength(familyOf(address)))
  );
}

function toPrefix(text: string): Prefix {
  const [host = '', length] = text.split('/');
  const address = toAddress(host);
  return { address, length: Number(length ?? fullLength(familyOf(address))) };
}

/** An address and, behind a colon, perhaps a port. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port?: number;
}

/** `10.1.1.2:80`, `[2001:db8::2]:80`, or an address alone. */
export function endpointField(expected: string) {
  const words = phrase(expected);
  return z
    .string({ error: words })
    .regex(new RegExp(`^(?:${IPV4}(?::[1-9]\\d{0,4})?|\\[${IPV6}\\](?::[1-9]\\d{0,4})?|${IPV6})$`), {
      error: words,
    })
    .refine((text) => parseEndpoint(text) !== undefined, { error: words })
    .transform((text): Endpoint => parseEndpoint(text) ?? { address: toAddress(text) });
}

const ENDPOINT = /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[0-9.]+))(?::(?<port>\d+))?$/;

function parseEndpoint(text: string): Endpoint | undefined {
  const { bracketed, plain = text, port } = ENDPOINT.exec(text)?.groups ?? {};
  const address = parseAddress(bracketed ?? plain);
  if (address === undefined || Number(port ?? 1) > 65535) return undefined;
  return port === undefined ? { address } : { address, port: Number(port) };
}

/** The prefix length that an IPv4 netmask stands for; undefined for one with holes. */
export function netmaskLength(mask: IpAddress): number | undefined {
  const bits = [...addressToBytes(mask)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined;
}

/** The checks above let only addresses through, so this cannot fail. */
function toAddress(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new RangeError(`${text} is no IP address`);
  return parsed;
}
