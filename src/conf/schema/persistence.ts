/** Persistence: clients that stay with their real server. */
import * as z from 'zod';
import { parseAddress } from '../../model/address.ts';
import { netmaskLength } from '../address-fields.ts';
import { oneOf, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';
import { kernelTimeout } from './ipvs.ts';

/** As ipvsadm -p without a number. */
const USUAL_TIMEOUT = '5m';

const netmask = () => {
  const words = { error: phrase('a prefix length from 1 to 32, or a netmask such as 255.255.255.0') };
  const length = z.int(words).min(1, words).max(32, words);
  const mask = z
    .string(words)
    .regex(/^\d{1,3}(?:\.\d{1,3}){3}$/, words)
    .refine((text) => lengthOf(text) !== undefined, words)
    .transform((text) => lengthOf(text) ?? 32);
  return z.union([length, mask], words);
};

function lengthOf(text: string): number | undefined {
  const address = parseAddress(text);
  const length = address === undefined ? undefined : netmaskLength(address);
  return length === 0 ? undefined : length;
}

const long = z.strictObject({
  timeout: kernelTimeout()
    .prefault(USUAL_TIMEOUT)
    .describe(
      'How long a client stays with its real server: from its latest connection on, and as long as it has one.',
    ),
  netmask: netmask()
    .optional()
    .describe('IPv4 clients of one network count as one: its prefix length, or its netmask. Default: 32.'),
  prefix: wholeNumber(1, 128)
    .optional()
    .describe('IPv6 clients of one network count as one: its prefix length. Default: 128.'),
  engine: oneOf(['sip'])
    .optional()
    .describe('sip: each Call-ID of a client by itself (UDP; kernel module ip_vs_pe_sip).'),
});

/** A time-out, or a mapping; a time-out alone is read as such a mapping. */
export const persistence = () =>
  z
    .union([kernelTimeout(), long], {
      error: phrase('a duration such as 5m, or a mapping of timeout, netmask, prefix and engine'),
    })
    .transform((value): z.output<typeof long> => (typeof value === 'number' ? { timeout: value } : value));
