/** Address families by their numbers (linux/socket.h). */
import type { Family } from '../model/address.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;

export const FAMILY_NUMBER: Readonly<Record<Family, number>> = { ipv4: AF_INET, ipv6: AF_INET6 };

/** undefined for a family other than these two. */
export function familyOfNumber(number: number): Family | undefined {
  if (number === AF_INET) return 'ipv4';
  return number === AF_INET6 ? 'ipv6' : undefined;
}
