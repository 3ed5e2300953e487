import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RouterEvent } from '../../../src/manager/notify/event.ts';
import { Mailer } from '../../../src/manager/notify/mail.ts';
import type { Mail } from '../../../src/model/notify.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { until } from '../../support/until.ts';
import { type Certificate, makeCertificate } from '../../unit/checker/certificate.ts';
import { type SmtpBehaviour, SmtpServer } from './smtp-server.ts';

const LIMIT = milliseconds(20_000);
let certificate: Certificate;
let log: string[];
let server: SmtpServer;
const before = getCACertificates();

beforeAll(() => {
  certificate = makeCertificate('localhost');
});
afterAll(() => certificate.remove());
beforeEach(() => {
  log = [];
});
afterEach(() => {
  server.close();
  setDefaultCACertificates(before);
});

const event = (more: Partial<RouterEvent> = {}): RouterEvent => ({
  kind: 'INSTANCE',
  name: 'vip1',
  word: 'MASTER',
  priority: 150,
  reason: 'no advert for 3.609 s',
  repeated: false,
  ...more,
});

async function begin(behaviour: SmtpBehaviour, more: Partial<Mail> = {}, backOff?: readonly number[]) {
  server = new SmtpServer(behaviour);
  const port = await server.listen();
  // What it says after its test is over is no matter of the next one's.
  const said = log;
  const mailer = new Mailer({
    log: (level, message) => said.push(`${level} ${message}`),
    ...(backOff === undefined ? {} : { backOff }),
  });
  const mail: Mail = {
    host: 'localhost',
    port,
    security: 'none',
    login: undefined,
    from: 'lb1@example.org',
    to: ['ops@example.org', 'duty@example.org'],
    timeout: milliseconds(10_000),
    ...more,
  };
  mailer.configure(mail, 'lb1');
  return { mailer, mail };
}

describe('mail about a change of state', () => {
  it('reaches all addressees, with keepalived’s subject', async () => {
    const { mailer } = await begin({});
    mailer.send(event());
    mailer.send(event({ kind: 'GROUP', name: 'both', word: 'STOP', reason: 'vipward stops' }));
    const [first, second] = await server.mails(2);
    expect(first?.to).toEqual(['ops@example.org', 'duty@example.org']);
    expect(first?.from).toContain('<lb1@example.org>');
    expect(first?.data).toContain('Subject: [lb1] VRRP Instance vip1 - Entering MASTER state\n');
    expect(first?.data).toContain('=> VRRP Instance is now owning VRRP VIPs <=');
    expect(first?.data).toContain('Reason: no advert for 3.609 s');
    expect(second?.data).toContain('Subject: [lb1] VRRP Group both - Stopping\n');
    await mailer.flush(LIMIT);
    expect(mailer.counts).toEqual({ sent: 2, failed: 0, dropped: 0, waiting: 0 });
  });

  it('cannot be given other headers by a name', async () => {
    const { mailer } = await begin({});
    mailer.send(event({ name: 'vip1\r\nBcc: spy@example.org', reason: 'é\r\n.\r\nQUIT' }));
    const [mail] = await server.mails(1);
    expect(mail?.data).not.toMatch(/^Bcc/m);
    expect(mail?.to).toHaveLength(2);
    await mailer.flush(LIMIT);
  });

  it('is encrypted by STARTTLS before anything is said, with a certificate that is verified', async () => {
    setDefaultCACertificates([...before, certificate.cert]);
    const login = { user: 'lb', password: 'secret' };
    const { mailer } = await begin({ tls: certificate, login: 'lb:secret' }, { security: 'starttls', login });
    mailer.send(event());
    const [mail] = await server.mails(1);
    expect(mail).toMatchObject({ encrypted: true, login: 'lb:secret' });
    expect(server.commands.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'STARTTLS']);
    await mailer.flush(LIMIT);
  });

  it('is encrypted from the start with tls', async () => {
    setDefaultCACertificates([...before, certificate.cert]);
    const { mailer } = await begin({ tls: certificate, tlsAtOnce: true }, { security: 'tls' });
    mailer.send(event());
    expect((await server.mails(1))[0]?.encrypted).toBe(true);
    await mailer.flush(LIMIT);
  });

  it('is not sent in clear where STARTTLS is wanted and not offered', async () => {
    const { mailer } = await begin({}, { security: 'starttls', login: { user: 'lb', password: 'x' } }, []);
    mailer.send(event());
    await until(() => mailer.counts.failed === 1);
    expect(server.received).toEqual([]);
    expect(server.commands.join()).not.toMatch(/AUTH|MAIL/);
    expect(log).toEqual([
      expect.stringMatching(/^error mail was not sent: \[lb1\] VRRP Instance vip1.*localhost:\d+: /),
    ]);
  });

  it('is not sent to a server whose certificate nobody vouches for', async () => {
    const { mailer } = await begin({ tls: certificate }, { security: 'starttls' }, []);
    mailer.send(event());
    await until(() => mailer.counts.failed === 1);
    expect(server.received).toEqual([]);
    expect(log.join()).toMatch(/self-signed certificate/);
  });
});

describe('a mail server in trouble', () => {
  it('is tried again', async () => {
    const greeting = (connection: number) => (connection < 3 ? '421 busy\r\n' : undefined);
    const { mailer } = await begin({ greeting }, {}, [10, 10, 10]);
    mailer.send(event());
    await server.mails(1);
    await mailer.flush(LIMIT);
    expect(server.connections).toBe(3);
    expect(log.filter((line) => line.startsWith('warn'))).toHaveLength(2);
    expect(log.at(-1)).toBe('info mail sent: [lb1] VRRP Instance vip1 - Entering MASTER state');
  });

  it('is given up in the end, and the next mail has its turn', async () => {
    const greeting = (connection: number) => (connection <= 3 ? '421 busy\r\n' : undefined);
    const { mailer } = await begin({ greeting }, {}, [10, 10]);
    mailer.send(event({ word: 'FAULT' }));
    mailer.send(event({ word: 'BACKUP' }));
    expect((await server.mails(1))[0]?.data).toContain('Entering BACKUP state');
    await mailer.flush(LIMIT);
    expect(mailer.counts).toMatchObject({ sent: 1, failed: 1 });
  });

  it('that refuses for good is not asked again', async () => {
    const { mailer } = await begin({ recipient: () => '550 never heard of' }, {}, [10, 10]);
    mailer.send(event());
    await until(() => mailer.counts.failed === 1);
    expect(server.connections).toBe(1);
    expect(log).toEqual([expect.stringContaining('550 never heard of')]);
  });

  it('that refuses one addressee has delivered to the others, once', async () => {
    const recipient = (line: string) => (line.includes('duty') ? '550 gone' : '250 ok');
    const { mailer } = await begin({ recipient }, {}, [10, 10]);
    mailer.send(event());
    await until(() => mailer.counts.failed === 1);
    expect(server.received.map(({ to }) => to)).toEqual([['ops@example.org']]);
    expect(log).toEqual([expect.stringContaining('refused for duty@example.org, taken for the others')]);
  });

  it('that refuses the password is not asked again', async () => {
    const login = { user: 'lb', password: 'wrong' };
    const { mailer } = await begin({ login: 'lb:right' }, { login }, [10]);
    mailer.send(event());
    await until(() => mailer.counts.failed === 1);
    expect(server.received).toEqual([]);
    expect(server.connections).toBe(1);
  });

  it('that never answers has its time, and no more', async () => {
    const { mailer } = await begin({ greeting: () => 'silence' }, { timeout: milliseconds(200) }, []);
    mailer.send(event());
    await until(() => mailer.counts.failed === 1);
    expect(log.join()).toMatch(/not done within 200ms|[Tt]imeout/);
  });

  it('does not hold up the end, and what waits is bounded', async () => {
    const { mailer } = await begin({ greeting: () => 'silence' });
    for (let i = 0; i < 100; i++) mailer.send(event({ name: `vip${i}` }));
    await server.connected(1);
    expect(mailer.counts).toMatchObject({ waiting: 64, dropped: 35 });
    await mailer.flush(milliseconds(100));
    expect(mailer.counts).toEqual({ sent: 0, failed: 65, dropped: 35, waiting: 0 });
    expect(log.filter((line) => line.includes('vip99'))).toHaveLength(1);
  });

  it('has one more chance at the end, without a wait', async () => {
    const greeting = (connection: number) => (connection < 2 ? '421 busy\r\n' : undefined);
    const { mailer } = await begin({ greeting }, {}, [600_000]);
    mailer.send(event());
    await until(() => log.length > 0);
    await mailer.flush(LIMIT);
    expect(mailer.counts).toMatchObject({ sent: 1, failed: 0 });
  });
});

describe('nodemailer', () => {
  it('is loaded with the first mail, and not before', () => {
    const entry = join(import.meta.dirname, 'mail-loaded.ts');
    expect(execFileSync(process.execPath, [entry], { encoding: 'utf8' })).toBe('before: no, after: yes\n');
  });
});
