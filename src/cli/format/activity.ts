/** The part of the status that is about what the manager looks at and whom it tells. */
import type { ActivityStatus, MailCounts, NotifyStatus } from '../../model/activity-status.ts';
import { countOf, printable } from './text.ts';
import type { View } from './virtual-routers.ts';

/** What is slow or was lost is shown without being asked for, everything when verbose. */
export function formatActivity(
  { trackers, notify, mail }: ActivityStatus,
  { style, verbose }: View,
): string[] {
  const paint = (text: string, troubled: boolean): string[] =>
    troubled ? [`  ${style.doubtful(text)}`] : verbose ? [`  ${text}`] : [];
  return [
    ...trackers.flatMap(({ kind, name, looks, skipped }) => {
      const left = `, left out ${countOf(skipped, 'time')} since the look before was still under way`;
      const text = `${kind} ${printable(name)}: looked at ${countOf(looks, 'time')}`;
      return paint(skipped === 0 ? text : text + left, skipped > 0);
    }),
    ...notify.flatMap((queue) => paint(notifyText(queue), queue.waiting > 0 || queue.dropped > 0)),
    ...(mail ? paint(mailText(mail), mail.failed + mail.dropped > 0) : []),
  ];
}

function notifyText({ kind, name, told, telling, waiting, dropped }: NotifyStatus): string {
  return [
    `notify ${kind} ${printable(name)}: told ${told ?? 'nothing'}`,
    ...(telling === undefined ? [] : [`tells ${telling} now`]),
    ...(waiting === 0 ? [] : [`${countOf(waiting, 'state')} waiting`]),
    ...(dropped === 0 ? [] : [`${countOf(dropped, 'state')} never told`]),
  ].join(', ');
}

const mailText = ({ sent, failed, dropped, waiting }: MailCounts): string =>
  `mail: ${sent} sent, ${failed} failed, ${dropped} dropped, ${waiting} waiting`;
