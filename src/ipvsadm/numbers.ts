/** Numbers and IPv4 addresses as C's own functions read them, which accept more than one would write. */
import { type IpAddress, ipv4FromNumber } from '../model/address.ts';
import { CommandLineError } from './command-line-error.ts';

/** 31 days: the longest time-out that ipvsadm takes, in seconds. */
export const MOST_TIMEOUT = 86_400 * 31;

/** strtol(3) to base 10 of the whole text; undefined when that is no number. */
const decimal = (text: string): number | undefined =>
  /^[ \t\n\v\f\r]*[+-]?\d+$/.test(text) ? Number(text) : undefined;

/** A whole number from `least` to `most`; throws CommandLineError, in which `what` names it. */
export function readNumber(what: string, text: string, least: number, most: number): number {
  const number = decimal(text);
  if (number === undefined || number < least || number > most)
    throw new CommandLineError(`${what} is ${least} to ${most}, not \`${text}'`);
  // Not minus zero.
  return number + 0;
}

/** As readNumber, undefined in place of the error. */
export function numberWithin(text: string, least: number, most: number): number | undefined {
  const number = decimal(text);
  return number === undefined || number < least || number > most ? undefined : number + 0;
}

/** atoi(3): the number at the start; 0 for none. */
export const leadingNumber = (text: string): number =>
  Number(/^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1] ?? 0);

/**
 * inet_aton(3): one to four numbers, decimal, octal (0..) or hexadecimal (0x..), with dots between; the last one fills
 * the bytes that are left. A blank ends it.
 */
export function readIpv4(text: string): IpAddress | undefined {
  const [head = ''] = text.split(/[ \t\n\v\f\r]/, 1);
  const parts = head.split('.').map(partValue);
  const last = parts.pop();
  if (last === undefined || parts.length > 3) return undefined;
  if (last >= 2 ** (8 * (4 - parts.length))) return undefined;
  let number = 0;
  for (const part of parts) {
    if (part === undefined || part > 255) return undefined;
    number = number * 256 + part;
  }
  return ipv4FromNumber(number * 2 ** (8 * (4 - parts.length)) + last);
}

function partValue(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number(text);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}
