import { describe, expect, test } from 'vitest';
import { COLOURED } from '../../../src/cli/format/style.ts';
import { alignColumns, countOf, printable } from '../../../src/cli/format/text.ts';

describe('aligned columns', () => {
  test('are as wide as the widest cell, numbers to the right, nothing behind the last', () => {
    const rows = [
      ['server', 'weight', ''],
      ['10.1.1.2:80', '2', 'L7OK'],
    ];
    expect(alignColumns(rows, [1])).toEqual(['server       weight', '10.1.1.2:80       2  L7OK']);
  });

  test('count a coloured cell by what is seen of it', () => {
    const [first, second] = alignColumns([
      [COLOURED.good('up'), 'x'],
      ['down', 'x'],
    ]);
    expect(first).toBe(`${COLOURED.good('up')}    x`);
    expect(second).toBe('down  x');
  });

  test('of no rows are none', () => {
    expect(alignColumns([])).toEqual([]);
  });
});

test('counts carry their noun', () => {
  expect([0, 1, 2].map((count) => countOf(count, 'error'))).toEqual(['no errors', '1 error', '2 errors']);
});

test('control characters of others do not reach the terminal, and keep their column', () => {
  expect(printable('a\x1b[31mb\tc\nd\x9be')).toBe('a [31mb c d e');
});
