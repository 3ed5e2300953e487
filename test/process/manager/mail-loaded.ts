/** Prints whether nodemailer is loaded before and after the first mail. */
import { registerHooks } from 'node:module';

let loaded = false;
registerHooks({
  load(url, context, next) {
    if (url.includes('/nodemailer/')) loaded = true;
    return next(url, context);
  },
});
const { NotifyQueue } = await import('../../../src/manager/notify/queue.ts');
const { Mailer } = await import('../../../src/manager/notify/mail.ts');
const { milliseconds } = await import('../../../src/model/units.ts');
const log = () => undefined;
const mailer = new Mailer({ log, backOff: [] });
new NotifyQueue({ stateDir: '/nonexistent', log, mail: mailer }).configure([], []);
const timeout = milliseconds(5_000);
const to = ['ops@example.org'] as const;
mailer.configure(
  { host: '127.0.0.1', port: 1, security: 'none', login: undefined, from: 'lb@example.org', to, timeout },
  'lb1',
);
const before = loaded;
mailer.send({ kind: 'INSTANCE', name: 'a', word: 'MASTER', priority: 1, reason: '', repeated: false });
await mailer.flush(timeout);
process.stdout.write(`before: ${before ? 'yes' : 'no'}, after: ${loaded ? 'yes' : 'no'}\n`);
