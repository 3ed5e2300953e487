/** The sections about this director, the VRRP process and mail. */
import * as z from 'zod';
import { duration } from '../duration.ts';
import { filePath, flag, mapping, name, oneOf, oneOrMore, pattern, text } from '../fields.ts';
import { phrase } from '../phrase.ts';

export const director = z.strictObject(
  {
    name: name().optional().describe('Names this director in logs and in status. Default: the host name.'),
  },
  mapping('the settings of this director'),
);

export const vrrp = z.strictObject(
  {
    realtime: flag()
      .prefault(false)
      .describe(
        'Whether the VRRP process runs ahead of every ordinary process (SCHED_RR). For advert intervals below 100ms.',
      ),
    startup_delay: duration({ least: '0s', most: '1h' })
      .prefault('0s')
      .describe('How long virtual routers only listen after the start, those that do not say so themselves.'),
  },
  mapping('settings of VRRP'),
);

export interface MailHost {
  readonly host: string;
  readonly port: number | undefined;
}

const smtp = () => {
  const words = { error: phrase('a mail server such as mail.example.com or mail.example.com:587') };
  return z
    .string(words)
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?(?::[1-9]\d{0,4})?$/, words)
    .refine((value) => Number(value.split(':')[1] ?? 1) <= 65535, words)
    .transform((value): MailHost => {
      const [host = '', port] = value.split(':');
      return { host, port: port === undefined ? undefined : Number(port) };
    });
};

const mailAddress = () =>
  pattern(/^[^\s@<>,]{1,64}@[^\s@<>,]{1,255}$/, 'a mail address such as admin@example.com');

/** Whoever logs in somewhere has these three. */
export const login = {
  user: text('a user name').optional().describe('Logs in as this user; needs a password.'),
  password: text('a password, in quotes where it looks like a number')
    .optional()
    .describe('The password, in clear: password_file keeps it out of this file.'),
  password_file: filePath('/etc/vipward/password')
    .optional()
    .describe('A file whose first line is the password, readable by root alone.'),
};

export const mail = z
  .strictObject(
    {
      smtp: smtp().describe(
        'The mail server, with its port unless it is the usual one: 587 for starttls, 465 for tls, 25 for none.',
      ),
      security: oneOf(['starttls', 'tls', 'none'])
        .prefault('starttls')
        .describe('starttls: encrypted after a greeting in clear; tls: from the first byte; none: never.'),
      ...login,
      from: mailAddress().describe('The sender.'),
      to: oneOrMore(mailAddress(), 'mail addresses such as [admin@example.com]').describe('The addressees.'),
      timeout: duration({ least: '1s', most: '10m' })
        .prefault('30s')
        .describe('For the delivery of one mail.'),
    },
    mapping('smtp, from, to and others'),
  )
  .describe('Mail on a change of state, for those whose notify has mail: true.');
