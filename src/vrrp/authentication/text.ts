/**
 * VRRPv2's simple text password (RFC 2338 section 5.3.6, type 1; keepalived: `auth_type PASS`): eight bytes in clear
 * behind the addresses. Against accidents only, as everybody on the network can read it.
 */
import { timingSafeEqual } from 'node:crypto';

/**
 * What the field Auth Type of a VRRPv2 message says (RFC 2338 section 5.3.6; RFC 3768 keeps only 0): 2, the IP
 * Authentication Header, is not spoken.
 */
export const AUTH_TYPE = { none: 0, text: 1 } as const;

/** Length of the authentication data that every VRRPv2 message ends with; zero where there is no password. */
export const TEXT_BYTES = 8;

/**
 * The password as it is sent: filled up with zeros. Throws RangeError for a password of more than eight bytes, of
 * which keepalived would silently compare the first eight.
 */
export function passwordBytes(password: string): Uint8Array {
  const bytes = Buffer.from(password, 'utf8');
  if (bytes.length === 0 || bytes.length > TEXT_BYTES) {
    throw new RangeError(`a VRRPv2 password has 1 to ${TEXT_BYTES} bytes, not ${bytes.length}`);
  }
  const filled = new Uint8Array(TEXT_BYTES);
  filled.set(bytes);
  return filled;
}

/** Whether `data`, the authentication data of a message, is this password (as `passwordBytes` gives it). */
export const isPassword = (data: Uint8Array, password: Uint8Array): boolean =>
  data.length === password.length && timingSafeEqual(data, password);
