import { describe, expect, it } from 'vitest';
import {
  callsOf,
  environmentOf,
  type NotifyEvent,
  quorumRecipients,
  type RouterEvent,
  type ServiceEvent,
  tellsAnybody,
} from '../../../../src/manager/notify/event.ts';
import { Line, LONGEST_LINE } from '../../../../src/manager/notify/line.ts';
import { mailText } from '../../../../src/manager/notify/mail-text.ts';
import type { NotifyScript, NotifyTargets } from '../../../../src/model/notify.ts';
import { milliseconds } from '../../../../src/model/units.ts';

const script = (...command: string[]): NotifyScript => ({
  command,
  user: undefined,
  group: undefined,
  timeout: milliseconds(1000),
});
const targets: NotifyTargets = {
  all: script('/all', '--verbose'),
  active: script('/bin/systemctl', 'start', 'haproxy'),
  backup: undefined,
  fault: script('/fault'),
  stop: script('/stop'),
  mail: false,
};
const event = (more: Partial<RouterEvent> = {}): RouterEvent => ({
  kind: 'INSTANCE',
  name: 'vip1',
  word: 'MASTER',
  priority: 150,
  reason: 'no advert for 3.609 s',
  repeated: false,
  ...more,
});
const commands = (of: RouterEvent, to = targets) => callsOf(to, of).map(({ command }) => command.join(' '));

describe('who is called', () => {
  it('is the state’s own script as it stands, then the one for all with keepalived’s arguments', () => {
    expect(commands(event())).toEqual([
      '/bin/systemctl start haproxy',
      '/all --verbose INSTANCE vip1 MASTER 150',
    ]);
    expect(commands(event({ word: 'BACKUP' }))).toEqual(['/all --verbose INSTANCE vip1 BACKUP 150']);
    expect(commands(event({ word: 'FAULT' }))[0]).toBe('/fault');
    expect(commands(event({ word: 'STOP' }))[0]).toBe('/stop');
  });

  it('hears 0 for the priority of a group, and the true one in the environment', () => {
    const group = event({ kind: 'GROUP', name: 'both' });
    expect(commands(group)[1]).toBe('/all --verbose GROUP both MASTER 0');
    expect(environmentOf(group, undefined).VIPWARD_PRIORITY).toBe('150');
  });

  it('is nobody where nothing is configured', () => {
    const none: NotifyTargets = {
      all: undefined,
      active: undefined,
      backup: undefined,
      fault: undefined,
      stop: undefined,
      mail: false,
    };
    expect(commands(event(), none)).toEqual([]);
    expect(tellsAnybody(none)).toBe(false);
    expect(tellsAnybody({ ...none, mail: true })).toBe(true);
    expect(tellsAnybody({ ...none, stop: script('/stop') })).toBe(true);
  });
});

describe('the facts', () => {
  it('are in the environment, each in one line', () => {
    expect(environmentOf(event({ reason: 'a\0b\nc', repeated: true }), 'BACKUP')).toEqual({
      VIPWARD_KIND: 'INSTANCE',
      VIPWARD_NAME: 'vip1',
      VIPWARD_STATE: 'MASTER',
      VIPWARD_PREVIOUS_STATE: 'BACKUP',
      VIPWARD_PRIORITY: '150',
      VIPWARD_REASON: 'a b c',
      VIPWARD_REPEATED: '1',
    });
    expect(environmentOf(event(), undefined).VIPWARD_PREVIOUS_STATE).toBe('');
  });

  it('are in a mail, in keepalived’s words', () => {
    expect(mailText(event(), 'lb1', 0)).toEqual({
      subject: '[lb1] VRRP Instance vip1 - Entering MASTER state',
      text: expect.stringContaining('=> VRRP Instance is now owning VRRP VIPs <=\n\nDirector: lb1\n'),
    });
    expect(mailText(event({ kind: 'GROUP', word: 'STOP' }), 'lb1', 0).subject).toBe(
      '[lb1] VRRP Group vip1 - Stopping',
    );
  });
});

describe('the quorum of a virtual server', () => {
  const lost: ServiceEvent = {
    ...{ kind: 'SERVICE', name: 'web', word: 'QUORUM_DOWN', repeated: false },
    ...{ healthy: 1, quorum: 3, reason: 'healthy weight 1, quorum 3' },
  };
  const scripts = quorumRecipients({ quorumUp: undefined, quorumDown: script('/down', '--now') });

  it('is told to its own script, with no arguments but its own', () => {
    expect(callsOf(scripts, lost).map(({ command }) => command.join(' '))).toEqual(['/down --now']);
    expect(callsOf(scripts, { ...lost, word: 'QUORUM_UP' })).toEqual([]);
    expect(tellsAnybody(scripts)).toBe(true);
    expect(tellsAnybody(quorumRecipients({ quorumUp: undefined, quorumDown: undefined }))).toBe(false);
  });

  it('is in the environment', () => {
    expect(environmentOf(lost, 'QUORUM_UP')).toEqual({
      VIPWARD_KIND: 'SERVICE',
      VIPWARD_NAME: 'web',
      VIPWARD_SERVICE: 'web',
      VIPWARD_STATE: 'QUORUM_DOWN',
      VIPWARD_PREVIOUS_STATE: 'QUORUM_UP',
      VIPWARD_QUORUM: '3',
      VIPWARD_HEALTHY_WEIGHT: '1',
      VIPWARD_REASON: 'healthy weight 1, quorum 3',
      VIPWARD_REPEATED: '0',
    });
  });
});

describe('a line of events', () => {
  const numbered = (priority: number) => event({ priority });
  const priorityOf = (told: NotifyEvent) => ('priority' in told ? told.priority : -1);
  const open = () => {
    const told: number[] = [];
    const dropped: number[] = [];
    const gates: (() => void)[] = [];
    const line = new Line(
      (current, signal) =>
        new Promise((resolve) => {
          told.push(priorityOf(current));
          gates.push(resolve);
          signal.addEventListener('abort', () => resolve());
        }),
      (left) => dropped.push(priorityOf(left)),
    );
    return { line, told, dropped, gates };
  };

  it('tells one after the other, and drops the oldest when too many wait', async () => {
    const { line, told, dropped, gates } = open();
    for (let i = 0; i < 100; i++) line.add(numbered(i));
    expect(told).toEqual([0]);
    expect(line.waiting).toHaveLength(LONGEST_LINE);
    expect(dropped).toEqual(Array.from({ length: 35 }, (_, i) => i + 1));
    for (let i = 0; i < 65; i++) {
      gates[i]?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await line.idle;
    expect(told).toEqual([0, ...Array.from({ length: 64 }, (_, i) => i + 36)]);
  });

  it('comes to its last event when it must hurry, and to none when it is closed', async () => {
    const { line, told, dropped } = open();
    for (let i = 0; i < 5; i++) line.add(numbered(i));
    line.hurry();
    line.cutShort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([0, 4]);
    line.close();
    await line.idle;
    line.add(numbered(6));
    expect(told).toEqual([0, 4]);
    expect(dropped).toEqual([1, 2, 3]);
  });
});
