/** Mail about a change of state, in keepalived's words, since people have filters for them; pure. */
import type { RouterWord } from '../../model/router-status.ts';
import type { RouterEvent, TargetKind } from './event.ts';

export interface MailText {
  readonly subject: string;
  readonly text: string;
}

/** `[lb1] VRRP Instance vip1 - Entering MASTER state`; `at`: when it happened, milliseconds since 1970. */
export function mailText(event: RouterEvent, director: string, at: number): MailText {
  const { kind, name, word, priority, reason } = event;
  const what = kind === 'INSTANCE' ? 'VRRP Instance' : 'VRRP Group';
  const change = word === 'STOP' ? 'Stopping' : `Entering ${word} state`;
  const lines = [
    `=> ${MEANING[kind][word]} <=`,
    '',
    `Director: ${director}`,
    `${kind === 'INSTANCE' ? 'Virtual router' : 'Sync group'}: ${name}`,
    `State: ${word}`,
    `Reason: ${reason}`,
    `Priority: ${priority}`,
    `Time: ${new Date(at).toISOString()}`,
  ];
  return {
    subject: oneLine(`[${director}] ${what} ${name} - ${change}`),
    text: `${lines.map(oneLine).join('\n')}\n`,
  };
}

const MEANING: { readonly [kind in TargetKind]: { readonly [word in RouterWord]: string } } = {
  INSTANCE: {
    MASTER: 'VRRP Instance is now owning VRRP VIPs',
    BACKUP: 'VRRP Instance is no longer owning VRRP VIPs',
    FAULT: 'VRRP Instance is no longer owning VRRP VIPs',
    STOP: 'VRRP Instance stopping',
  },
  GROUP: {
    MASTER: 'All VRRP group instances are now in MASTER state',
    BACKUP: 'All VRRP group instances are now in BACKUP state',
    FAULT: 'All VRRP group instances are now in FAULT state',
    STOP: 'All VRRP group instances are now stopping',
  },
};

const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');
