/** What guards against two owners beyond VRRP itself: an arbiter, and fencing. */
import * as z from 'zod';
import { duration } from '../duration.ts';
import { filePath, mapping, oneOrMore, pattern, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';
import { login } from './daemon.ts';

const etcdAddress = () =>
  pattern(
    /^https?:\/\/(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::[1-9]\d{0,4})?\/?$/,
    'the address of an etcd server such as https://etcd1.example.com:2379',
  ).transform((url) => url.replace(/\/$/, ''));

export const arbiter = z
  .strictObject(
    {
      etcd: oneOrMore(
        etcdAddress(),
        'addresses of etcd servers such as [https://etcd1.example.com:2379]',
      ).describe('The servers of one etcd cluster, asked in this order.'),
      lease: duration({ least: '2s', most: '1h', step: '1s' })
        .prefault('5s')
        .describe('How long the right to be active lasts unless it is renewed, in whole seconds.'),
      prefix: pattern(/^\/?[!-~]{1,200}$/, 'the beginning of keys such as /vipward/')
        .prefault('/vipward/')
        .describe('Opens every key in etcd: the same on all directors.'),
      directors: wholeNumber(2, 255)
        .prefault(2)
        .describe('How many directors share the virtual routers, this one included.'),
      ca: filePath('/etc/vipward/etcd-ca.pem')
        .optional()
        .describe(
          "A PEM file with the authority that signed etcd's certificate. Default: those of the system.",
        ),
      cert: filePath('/etc/vipward/etcd.pem')
        .optional()
        .describe('A PEM file with our certificate; needs key.'),
      key: filePath('/etc/vipward/etcd.key')
        .optional()
        .describe('A PEM file with the private key of cert, readable by root alone.'),
      ...login,
    },
    mapping('etcd, lease and others'),
  )
  .describe(
    'etcd as arbiter: on a partition only the director that holds its lease is active. The loss of etcd alone takes nothing down.',
  );

const OPTION = 'a text, a number, true or false';
const option = z
  .union(
    [
      z.string().regex(/^[^\0\r\n]{0,4096}$/, { error: phrase('a text of one line') }),
      z.number(),
      z.boolean(),
    ],
    { error: phrase(OPTION) },
  )
  .transform(String);

const ON_FAILURE = 'refuse, or { take_over_after: 60s }';

export const fencing = z
  .strictObject(
    {
      agent: pattern(
        /^(?:\/[^\0\s]{1,4095}|[A-Za-z0-9._-]{1,255})$/,
        'the name of a fence agent such as fence_ipmilan, or its path',
      ).describe('The fence agent: a name (looked up in /usr/sbin and the like), or a path.'),
      options: z
        .record(
          pattern(/^[A-Za-z0-9_-]{1,64}$/, 'the name of an option such as ip'),
          option,
          mapping('options of the agent to values'),
        )
        .prefault({})
        .describe(
          "What the agent is told on its standard input: ip, username, password, plug … (see the agent's manual).",
        ),
      timeout: duration({ least: '1s', most: '10m' })
        .prefault('30s')
        .describe('After which the agent is killed and has failed.'),
      on_failure: z
        .union(
          [
            z.literal('refuse'),
            z.strictObject({
              take_over_after: duration({ least: '0s', most: '24h' }).describe(
                'How long after the failure the addresses are taken all the same.',
              ),
            }),
          ],
          { error: phrase(ON_FAILURE) },
        )
        .transform((value) => (typeof value === 'string' ? undefined : value.take_over_after))
        .prefault('refuse')
        .describe('What happens when fencing fails: no take-over (refuse), or one after a time.'),
    },
    mapping('agent, options and others'),
  )
  .describe('Switches the silent peer off before its addresses are taken.');
