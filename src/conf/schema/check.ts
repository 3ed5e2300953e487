/** Health checks. */
import * as z from 'zod';
import { duration } from '../duration.ts';
import { flag, mapping, pattern, status, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';

const path = pattern(
  /^\/[!-"$-~]{0,4095}$/,
  'a path that begins with a slash, without blanks, # or letters outside ASCII (write them as %20 and the like)',
);
const host = pattern(
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/,
  'a host name such as www.example.com, without a port',
);

const request = {
  path: path.prefault('/').describe('What is asked for, with its query.'),
  status: status()
    .prefault('200-299')
    .describe('Accepted statuses: one (200), a range (200-299), or a list of both ([200, 204, 300-399]).'),
  host: host
    .optional()
    .describe("The Host header, and the name that TLS asks for. Default: the real server's address."),
};

export const check = z
  .strictObject(
    {
      tcp: z
        .strictObject({}, { error: phrase('{}, since it has no settings') })
        .optional()
        .describe('Healthy when the connection is accepted. Has no settings: write {}.'),
      http: z
        .strictObject(request, {
          error: phrase('a mapping of path, status and host, or {} for their defaults'),
        })
        .optional()
        .describe('Healthy when a GET is answered with an accepted status.'),
      https: z
        .strictObject(
          {
            ...request,
            verify: flag()
              .prefault(true)
              .describe(
                'Whether the certificate must be valid for the host and come from a known authority. false accepts every certificate, a self-signed one too.',
              ),
          },
          { error: phrase('a mapping of path, status, host and verify, or {} for their defaults') },
        )
        .optional()
        .describe('As http, over TLS.'),
      port: wholeNumber(1, 65535)
        .optional()
        .describe("Where to connect. Default: the real server's own port."),
      interval: duration({ least: '10ms', most: '1h' })
        .prefault('3s')
        .describe('From the start of one probe to the start of the next.'),
      connect_timeout: duration({ least: '1ms', most: '1h' })
        .optional()
        .describe('For the TCP connection alone. Default: 1s, or timeout where that is less.'),
      timeout: duration({ least: '1ms', most: '1h' })
        .prefault('2s')
        .describe('For the whole probe, from the first packet to the answer. At least connect_timeout.'),
      rise: wholeNumber(1, 1000)
        .prefault(2)
        .describe(
          'Good probes in a row that bring a failed real server back. The first probe ever counts alone.',
        ),
      fall: wholeNumber(1, 1000).prefault(3).describe('Bad probes in a row that take a real server out.'),
    },
    mapping('one of tcp, http and https with interval, timeout, rise and fall'),
  )
  .meta({ oneOf: [{ required: ['tcp'] }, { required: ['http'] }, { required: ['https'] }] })
  .describe(
    'How real servers are checked: exactly one of tcp, http and https. Without it they always count as up.',
  );
