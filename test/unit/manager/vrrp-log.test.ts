import { expect, it } from 'vitest';
import { logPaths } from '../../../src/manager/vrrp-log.ts';
import type { PathState, RouterStatus } from '../../../src/model/router-status.ts';
import { routerStatus } from '../../support/virtual-router.ts';

/** With heartbeat paths on eth0 and eth1 that stand so. */
const router = (...states: readonly PathState[]): RouterStatus =>
  routerStatus('backup', {
    paths: states.map((state, i) => ({
      ...{ interface: `eth${i}`, transport: 'multicast', family: 'ipv4', state, since: 0 },
      reason: state === 'down' ? 'interface eth1 is down' : undefined,
    })),
  });

function said(before: RouterStatus | undefined, now: RouterStatus): readonly string[] {
  const lines: string[] = [];
  logPaths((level, message) => void lines.push(`${level}: ${message}`), before, now);
  return lines;
}

const SILENT = 'warn: virtual router web: heartbeat path eth1: no adverts come by it any more';
const DOWN = 'warn: virtual router web: heartbeat path eth1: interface eth1 is down';
const BACK = 'info: virtual router web: heartbeat path eth1: in order again';

it.each<[string, RouterStatus | undefined, RouterStatus, readonly string[]]>([
  ['one that falls silent', router('heard', 'heard'), router('heard', 'silent'), [SILENT]],
  ['one that goes down', router('sending', 'sending'), router('sending', 'down'), [DOWN]],
  ['one that was silent from the first', undefined, router('heard', 'silent'), [SILENT]],
  ['one that comes back', router('heard', 'silent'), router('heard', 'heard'), [BACK]],
  ['one that is still silent', router('heard', 'silent'), router('heard', 'silent'), []],
  ['one that was silent and is down', router('heard', 'silent'), router('heard', 'down'), []],
  ['all, where nobody speaks', router('heard', 'heard'), router('silent', 'silent'), []],
  ['none that comes back when somebody speaks at last', router('silent'), router('heard'), []],
  ['none at the start', undefined, router('heard', 'heard'), []],
  ['the own take-over', router('heard', 'heard'), router('sending', 'sending'), []],
])('tells of %s', (_, before, now, lines) => {
  expect(said(before, now)).toEqual(lines);
});
