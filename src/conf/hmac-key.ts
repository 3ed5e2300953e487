/** The secret of an HMAC key as keepalived's auth_hmac writes it: `hex:` and digits, or plain ASCII. */
import { pattern } from './fields.ts';

/** RFC 2104 would take any length; these are keepalived's limits (VRRP_AUTH_HMAC_KEY_MIN and _MAX). */
const SECRET = /^(?:hex:(?:[0-9A-Fa-f]{2}){32,64}|(?!hex:|file:)[!-~]{32,64})$/;
export const HMAC_SECRET_WORDS =
  'a secret of 32 to 64 printable ASCII characters, or hex: and the digits of 32 to 64 bytes';

export const hmacSecret = () => pattern(SECRET, HMAC_SECRET_WORDS).transform(toHex);

/** As hexadecimal digits of its bytes; undefined when it is no secret. For what a key_file holds. */
export const parseHmacSecret = (text: string): string | undefined =>
  SECRET.test(text) ? toHex(text) : undefined;

const toHex = (text: string): string =>
  text.startsWith('hex:')
    ? text.slice('hex:'.length).toLowerCase()
    : Buffer.from(text, 'ascii').toString('hex');
