/** Who is told of a change of state. */
import type { Mail, NotifyScript, NotifyTargets } from '../../model/notify.ts';
import type { ReadSecret } from '../environment.ts';
import type { MailShape, NotifyShape } from '../schema/index.ts';
import { toLogin } from './login.ts';

export type ScriptShape = NonNullable<NotifyShape['all']>;
/** What is not there is written out, so that no reader forgets it. */
type States = { readonly [State in Exclude<keyof NotifyTargets, 'mail'>]?: ScriptShape | undefined };

export function toNotifyTargets({ mail, ...states }: NotifyShape): NotifyTargets {
  const { all, active, backup, fault, stop }: States = states;
  return {
    all: all && toScript(all),
    active: active && toScript(active),
    backup: backup && toScript(backup),
    fault: fault && toScript(fault),
    stop: stop && toScript(stop),
    mail,
  };
}

export const toScript = ({ command, user, group, timeout }: ScriptShape): NotifyScript => ({
  command,
  user,
  group,
  timeout,
});

/** RFC 6409 and RFC 8314; 25 is for the server of the site. */
const SMTP_PORT = { starttls: 587, tls: 465, none: 25 } as const;

export function toMail(shape: MailShape, readSecret: ReadSecret): Mail {
  const [first = '', ...others] = shape.to;
  return {
    host: shape.smtp.host,
    port: shape.smtp.port ?? SMTP_PORT[shape.security],
    security: shape.security,
    login: toLogin(shape, readSecret),
    from: shape.from,
    to: [first, ...others],
    timeout: shape.timeout,
  };
}
