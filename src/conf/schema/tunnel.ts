/** How tun wraps packets. */
import * as z from 'zod';
import { oneOf, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';

const KINDS = ['ipip', 'gue', 'gre'] as const;

const long = z.strictObject({
  type: oneOf(KINDS).describe('ipip: IP in IP; gre: GRE; gue: over UDP.'),
  port: wholeNumber(1, 65535).optional().describe('The UDP port of gue. Default: 6080.'),
  checksum: oneOf(['none', 'plain', 'remote'])
    .optional()
    .describe('Of gue and gre. remote: remote checksum offload, gue only. Default: none.'),
});

/** A kind, or a mapping of it and its options; a kind alone is read as such a mapping. */
export const tunnel = () =>
  z
    .union([oneOf(KINDS), long], {
      error: phrase('ipip, gue or gre, or a mapping of type, port and checksum'),
    })
    .transform((value): z.output<typeof long> => (typeof value === 'string' ? { type: value } : value));
