/**
 * Sends mail by SMTP, one at a time and in order. A server that cannot be reached is tried again for some minutes;
 * what it refuses for good is given up at once. nodemailer is loaded with the first mail: most daemons never need it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Transporter } from 'nodemailer';
import type { MailCounts } from '../../model/activity-status.ts';
import type { Log } from '../../model/messages.ts';
import type { Mail } from '../../model/notify.ts';
import { durationText, type Milliseconds } from '../../model/units.ts';
import type { RouterEvent } from './event.ts';
import { type MailText, mailText } from './mail-text.ts';
import type { MailSender } from './queue.ts';

/** Mails that wait at most: then the oldest is dropped. */
const MOST_WAITING = 64;
/** Before each further attempt, in milliseconds. */
const BACK_OFF = [1_000, 5_000, 30_000, 60_000, 300_000];

export interface MailerOptions {
  readonly log: Log;
  /** Waits before each further attempt, in milliseconds; 1 s to 5 minutes unless given. */
  readonly backOff?: readonly number[];
}

export class Mailer implements MailSender {
  readonly #log: Log;
  readonly #backOff: readonly number[];
  #mail: Mail | undefined;
  #director = '';
  #waiting: MailText[] = [];
  #working: Promise<void> | undefined;
  /** Told when waiting makes no sense any more. */
  readonly #hurry = new AbortController();
  readonly #end = new AbortController();
  #sent = 0;
  #failed = 0;
  #dropped = 0;

  constructor(options: MailerOptions) {
    this.#log = options.log;
    this.#backOff = options.backOff ?? BACK_OFF;
  }

  /** `mail`: undefined for none; what waits is then dropped. `director`: who writes, for the subject. */
  configure(mail: Mail | undefined, director: string): void {
    this.#mail = mail;
    this.#director = director;
    if (mail === undefined) this.#drop(0, 'mail is no longer configured');
  }

  get counts(): MailCounts {
    return {
      sent: this.#sent,
      failed: this.#failed,
      dropped: this.#dropped,
      waiting: this.#waiting.length,
    };
  }

  send(event: RouterEvent): void {
    if (this.#mail === undefined || this.#end.signal.aborted) return;
    this.#waiting.push(mailText(event, this.#director, Date.now()));
    this.#drop(MOST_WAITING, 'too many wait');
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** The end: each mail has one more attempt, and all of them `limit`. */
  async flush(limit: Milliseconds): Promise<void> {
    this.#hurry.abort();
    const late = setTimeout(() => this.#end.abort(), limit);
    await this.#working;
    clearTimeout(late);
    this.#end.abort();
    this.#drop(0, 'vipward stops');
  }

  async #work(): Promise<void> {
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
      await this.#sendOne(text);
    }
  }

  /** Never rejects. */
  async #sendOne(text: MailText): Promise<void> {
    for (const wait of [...this.#backOff, undefined]) {
      const mail = this.#mail;
      if (mail === undefined || this.#end.signal.aborted) {
        this.#giveUp(text, 'there was no time left for it');
        return;
      }
      const error = await attempt(mail, text, this.#end.signal);
      if (error === undefined) {
        this.#sent++;
        this.#log('info', `mail sent: ${text.subject}`, { to: mail.to });
        return;
      }
      const final = wait === undefined || isFinal(error) || this.#hurry.signal.aborted;
      if (final) {
        this.#giveUp(text, `${mail.host}:${mail.port}: ${error.message}`);
        return;
      }
      this.#log('warn', `mail to ${mail.host}:${mail.port}: ${error.message}; tried again in ${wait} ms`, {
        subject: text.subject,
      });
      await delay(wait, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    }
  }

  #giveUp({ subject }: MailText, reason: string): void {
    this.#failed++;
    this.#log('error', `mail was not sent: ${subject}: ${reason}`);
  }

  #drop(most: number, reason: string): void {
    for (const { subject } of this.#waiting.splice(0, Math.max(0, this.#waiting.length - most))) {
      this.#dropped++;
      this.#log('warn', `mail was not sent: ${subject}: ${reason}`);
    }
  }
}

type SmtpError = Error & { readonly code?: string; readonly responseCode?: number };

/** A reply of 500 and above is the server's last word (RFC 5321 section 4.2.1). */
const isFinal = ({ responseCode }: SmtpError): boolean => (responseCode ?? 0) >= 500;

/** undefined: the server took it. */
async function attempt(mail: Mail, text: MailText, end: AbortSignal): Promise<SmtpError | undefined> {
  const timeout = AbortSignal.timeout(mail.timeout);
  const signal = AbortSignal.any([end, timeout]);
  try {
    const transport = await connectTo(mail);
    const { rejected = [] } = await transport.sendMail({
      from: mail.from,
      to: [...mail.to],
      ...text,
      signal,
    });
    return rejected.length === 0 ? undefined : refusedFor(rejected);
  } catch (cause) {
    if (timeout.aborted) return new Error(`not done within ${durationText(mail.timeout)}`, { cause });
    return cause instanceof Error ? cause : new Error(String(cause));
  }
}

/** Others have it already: to send it again would reach them twice. */
function refusedFor(addresses: readonly unknown[]): SmtpError {
  return Object.assign(new Error(`refused for ${addresses.join(', ')}, taken for the others`), {
    responseCode: 550,
  });
}

async function connectTo(mail: Mail): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  const { host, port, security, login, timeout } = mail;
  return createTransport({
    host,
    port,
    secure: security === 'tls',
    // Without it, whoever sits between could take the offer of STARTTLS out of the greeting and read along.
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password }, forceAuth: true }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
  });
}
