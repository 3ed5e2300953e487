/** The kinds of leaf that the file has, each with its rule, its JSON Schema and its words. */
import { isIPv6 } from 'node:net';
import * as z from 'zod';
import { type IpAddress, type Prefix, parseAddress } from '../model/address.ts';
import type { StatusRange } from '../model/check.ts';
import { phrase } from './phrase.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;

const addressPhrase = (expected: string) =>
  phrase(expected, (input) => (isIPv6Text(input) ? `${expected} (IPv6 is not supported yet)` : undefined));

/** Also with a zone, a prefix length, or in brackets with a port. */
function isIPv6Text(input: unknown): boolean {
  return typeof input === 'string' && isIPv6(input.replace(/^\[(.*)\].*$/, '$1').replace(/[/%].*$/, ''));
}

/** An IPv4 address; IPv6 has its own words. */
export function address() {
  const words = addressPhrase('an IPv4 address such as 10.1.1.2');
  return z
    .string({ error: words })
    .regex(new RegExp(`^${IPV4}$`), { error: words })
    .transform((text) => toAddress(text));
}

/** An address with a prefix length of 1 to 32; without one it is a host's own, 32. */
export function prefix() {
  const words = addressPhrase('an IPv4 address with a prefix length from 1 to 32 such as 10.1.1.254/24');
  return z
    .string({ error: words })
    .regex(new RegExp(`^${IPV4}(?:/(?:[1-9]|[12]\\d|3[0-2]))?$`), { error: words })
    .transform((text): Prefix => {
      const [host = '', length = '32'] = text.split('/');
      return { address: toAddress(host), length: Number(length) };
    });
}

/** An address and, behind a colon, perhaps a port. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number | undefined;
}

export function endpointField() {
  const words = addressPhrase('an IPv4 address and a port from 1 to 65535 such as 127.0.0.1:80');
  return z
    .string({ error: words })
    .regex(new RegExp(`^${IPV4}(?::[1-9]\\d{0,4})?$`), { error: words })
    .refine((text) => Number(text.split(':')[1] ?? 1) <= 65535, { error: words })
    .transform((text): Endpoint => {
      const [host = '', port] = text.split(':');
      return { address: toAddress(host), port: port === undefined ? undefined : Number(port) };
    });
}

/** The regular expressions above let only addresses through, so this cannot fail. */
function toAddress(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new RangeError(`${text} is no IP address`);
  return parsed;
}

export function wholeNumber(least: number, most: number) {
  const words = { error: phrase(`a whole number from ${least} to ${most}`) };
  return z.int(words).min(least, words).max(most, words);
}

export const flag = () => z.boolean({ error: phrase('true or false') });

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  const last = words.at(-1);
  return z.enum(words, { error: phrase(`${words.slice(0, -1).join(', ')} or ${last}`) });
}

const NAME_WORDS = '1 to 64 letters, digits, dots, hyphens or underscores';
/** What people call a thing: in logs, in status and on command lines. */
export const name = () => pattern(/^[A-Za-z0-9_.-]{1,64}$/, `a name of ${NAME_WORDS}`);

/** As the kernel allows it: dev_valid_name() of net/core/dev.c, in printable ASCII. */
export const interfaceName = () =>
  pattern(
    /^(?!\.{1,2}$)[!-.0-9;-~]{1,15}$/,
    'the name of a network interface: at most 15 characters, no slash, colon or blank',
  );

export function pattern(expression: RegExp, expected: string) {
  const words = phrase(expected);
  return z.string({ error: words }).regex(expression, { error: words });
}

const STATUS = 'a status from 100 to 599 such as 200, a range such as 200-299, or a list of them';

/** One status, a range, or a list of both. */
export function status() {
  const words = { error: phrase(STATUS) };
  const one = z.int(words).min(100, words).max(599, words);
  const range = z
    .string(words)
    .regex(/^[1-5]\d\d(?:-[1-5]\d\d)?$/, words)
    .refine(isAscending, words);
  const item = z.union([one, range], words);
  return z
    .union([one, range, z.array(item, words).min(1, words)], words)
    .transform((value) => (Array.isArray(value) ? value : [value]).map(toRange));
}

function isAscending(text: string): boolean {
  const { from, to } = toRange(text);
  return from <= to;
}

function toRange(value: number | string): StatusRange {
  const [from = '', to = from] = String(value).split('-');
  return { from: Number(from), to: Number(to) };
}
