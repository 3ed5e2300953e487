/** Addresses as the file writes them: alone, with a prefix length, with a port. */
import { isIPv6 } from 'node:net';
import * as z from 'zod';
import { familyOf, type IpAddress, type Prefix, parseAddress } from '../model/address.ts';
import { phrase } from './phrase.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
/** Looser than the rule, which is parseAddress(): for editors. */
const IPV6 = '[0-9A-Fa-f]*:[0-9A-Fa-f:.]*';

const ipv4Phrase = (expected: string) =>
  phrase(expected, (input) => (isIPv6Text(input) ? `${expected} (IPv6 is not supported yet)` : undefined));

/** Also with a zone, a prefix length, or in brackets with a port. */
function isIPv6Text(input: unknown): boolean {
  return typeof input === 'string' && isIPv6(input.replace(/^\[(.*)\].*$/, '$1').replace(/[/%].*$/, ''));
}

/** An IPv4 address, in the sections that know no other yet; IPv6 has its own words. */
export function ipv4Address() {
  const words = ipv4Phrase('an IPv4 address such as 10.1.1.2');
  return z
    .string({ error: words })
    .regex(new RegExp(`^${IPV4}$`), { error: words })
    .transform((text) => toAddress(text));
}

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
  return length === undefined || (Number(length) >= leastLength && Number(length) <= fullLength(address));
}

function toPrefix(text: string): Prefix {
  const [host = '', length] = text.split('/');
  const address = toAddress(host);
  return { address, length: Number(length ?? fullLength(address)) };
}

/** The prefix length of a single address. */
export const fullLength = (address: IpAddress): number => (familyOf(address) === 'ipv4' ? 32 : 128);

/** An address and, behind a colon, perhaps a port. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number | undefined;
}

export function endpointField() {
  const words = ipv4Phrase('an IPv4 address and a port from 1 to 65535 such as 127.0.0.1:80');
  return z
    .string({ error: words })
    .regex(new RegExp(`^${IPV4}(?::[1-9]\\d{0,4})?$`), { error: words })
    .refine((text) => Number(text.split(':')[1] ?? 1) <= 65535, { error: words })
    .transform((text): Endpoint => {
      const [host = '', port] = text.split(':');
      return { address: toAddress(host), port: port === undefined ? undefined : Number(port) };
    });
}

/** The checks above let only addresses through, so this cannot fail. */
function toAddress(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new RangeError(`${text} is no IP address`);
  return parsed;
}
