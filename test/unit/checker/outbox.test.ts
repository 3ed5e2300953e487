import { describe, expect, test } from 'vitest';
import { createOutbox } from '../../../src/checker/outbox.ts';
import { createTroubleLog } from '../../../src/checker/trouble.ts';
import type { Health, ResultCode } from '../../../src/model/check.ts';
import { result, target } from './targets.ts';

const health = (code: ResultCode): Health => ({ healthy: code === 'L4OK', against: 0, last: result(code) });

/** An outbox whose manager reads only when `read` is called. */
function setUp() {
  const sent: { type: string; id?: string; code?: string | undefined }[] = [];
  const unread: (() => void)[] = [];
  const outbox = createOutbox((message, done) => {
    const rest = message.type === 'health' ? { id: message.id, code: message.health.last?.code } : {};
    sent.push({ type: message.type, ...rest });
    unread.push(done);
  }, 3);
  return { sent, outbox, read: () => unread.shift()?.() };
}

describe('the outbox', () => {
  test('is bounded while the manager does not read, and keeps the latest health of each target', () => {
    const { sent, outbox, read } = setUp();
    outbox.ready();
    outbox.log('info', 'a line');
    outbox.snapshot({});
    expect(sent.map(({ type }) => type)).toEqual(['ready', 'log', 'snapshot']);
    for (let i = 0; i < 1000; i++) {
      outbox.log('warn', 'lost');
      outbox.snapshot({});
      outbox.health(target(1, undefined, 'a'), health(i % 2 === 0 ? 'L4OK' : 'L4CON'));
      outbox.health(target(2, undefined, 'b'), health('L4TOUT'));
    }
    expect(sent).toHaveLength(3);
    read();
    read();
    read();
    expect(sent.slice(3)).toEqual([
      { type: 'health', id: 'a', code: 'L4CON' },
      { type: 'health', id: 'b', code: 'L4TOUT' },
    ]);
  });

  test('a snapshot says what was held', () => {
    const { sent, outbox, read } = setUp();
    for (let i = 0; i < 4; i++) outbox.health(target(i), health('L4OK'));
    expect(sent).toHaveLength(3);
    read();
    read();
    expect(sent).toHaveLength(4);
    outbox.snapshot({});
    read();
    expect(sent.map(({ type }) => type)).toEqual(['health', 'health', 'health', 'health', 'snapshot']);
  });
});

test('trouble of our own is one line when it comes and one when it is over', () => {
  const lines: string[] = [];
  const trouble = createTroubleLog((level, message) => lines.push(`${level} ${message}`));
  const [a, b, c] = [target(1), target(2), target(3)];
  trouble.heard(a, health('L4CON'));
  expect(lines).toEqual([]);
  for (const one of [a, b, a, c]) trouble.heard(one, health('CHKERR'));
  expect(lines).toEqual(['warn a target cannot be probed: its health stays as it is until it can']);
  trouble.heard(a, health('L4OK'));
  trouble.keep(new Set([a.id, b.id]));
  trouble.heard(b, health('L4CON'));
  expect(lines.slice(1)).toEqual(['info every target can be probed again']);
});
