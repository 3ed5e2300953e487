import { describe, expect, it } from 'vitest';
import { checkTargets, coldTargets } from '../../../src/balance/targets.ts';
import { HealthBook } from '../../../src/manager/health.ts';
import { instant, milliseconds } from '../../../src/model/units.ts';
import { actualOf, desiredBy, down, up, web } from '../balance/table.ts';

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
    expect(book.update({ [second]: down })).toEqual([]);
  });
});

describe('targets to get to know before an election', () => {
  const other = {
    ...web,
    name: 'other',
    port: 81,
    realServers: web.realServers.map((s) => ({ ...s, port: 81 })),
  };
  const serving = actualOf(
    desiredBy([web], (id) => (id === first ? up : down), [], new Map(), instant(0)).table,
  );
  const sorry = actualOf(desiredBy([web], () => down, [], new Map(), instant(0)).table);

  it('are all of them while the table is empty, or holds the sorry server alone', () => {
    expect(coldTargets([web], [])).toHaveLength(2);
    expect(coldTargets([web], sorry)).toHaveLength(2);
  });

  it('are none of a virtual server that serves, although one of its real servers is out', () => {
    expect(coldTargets([web], serving)).toEqual([]);
    expect(coldTargets([web, other], serving).map(({ port }) => port)).toEqual([81, 81]);
  });
});
