import { describe, expect, it } from 'vitest';
import { desiredTable } from '../../../src/balance/desired.ts';
import { checkTargets, strangers } from '../../../src/balance/targets.ts';
import { HealthBook } from '../../../src/manager/health.ts';
import { instant, milliseconds } from '../../../src/model/units.ts';
import { actualOf, down, up, web } from '../balance/table.ts';

const targets = checkTargets([web]);
const [first, second] = targets.map(({ id }) => id);
if (!first || !second) throw new Error('the example has two targets');
const FOREVER = milliseconds(60_000);

describe('the health book', () => {
  const lines: string[] = [];
  const open = () => {
    lines.length = 0;
    const book = new HealthBook((_level, message) => lines.push(message));
    book.setTargets(targets);
    return book;
  };

  it('tells when every target has had its first result', async () => {
    const book = open();
    const known = book.known(targets, FOREVER);
    book.update({ [first]: up });
    book.update({ [second]: down });
    expect(await known).toBe(true);
    expect(lines).toEqual(['real server 10.1.1.2:80 is up', 'real server 10.1.1.3:80 is down']);
  });

  it('waits no longer than it is told', async () => {
    expect(await open().known(targets, milliseconds(1))).toBe(false);
  });

  it('does not wait for what a reload took away', async () => {
    const book = open();
    const known = book.known(targets, FOREVER);
    book.setTargets(targets.slice(0, 1));
    book.update({ [first]: up });
    expect(await known).toBe(true);
  });

  it('keeps what it knows across a reload, and forgets what is gone', () => {
    const book = open();
    book.update({ [first]: up, [second]: up });
    book.setTargets(targets.slice(0, 1));
    expect(book.of(first)).toBe(up);
    expect(book.of(second)).toBeUndefined();
    expect(book.update({ [second]: down })).toBe(false);
  });
});

describe('strangers', () => {
  it('are the real servers that the kernel does not hold', () => {
    const held = desiredTable([web], (id) => (id === first ? up : down), [], new Map(), instant(0));
    expect(strangers([web], actualOf(held.table)).map(({ id }) => id)).toEqual([second]);
    expect(strangers([web], [])).toHaveLength(2);
  });
});
