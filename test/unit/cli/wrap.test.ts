import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, test } from 'vitest';
import { formatStatus } from '../../../src/cli/format/status.ts';
import { COLOURED } from '../../../src/cli/format/style.ts';
import { wrapLine } from '../../../src/cli/format/wrap.ts';
import { NOW, sampleStatus } from './sample-status.ts';

describe('a line that is too long', () => {
  test.each<[string, number, readonly string[]]>([
    ['short', 10, ['short']],
    ['', 10, ['']],
    ['exactly so', 10, ['exactly so']],
    ['one two three', 9, ['one two', '    three']],
    ['  one two three', 12, ['  one two', '      three']],
    ['table   UNAVAILABLE: no IPVS', 21, ['table   UNAVAILABLE:', '        no IPVS']],
    [
      'name      of a column far to the right',
      14,
      ['name      of a', '    column far', '    to the', '    right'],
    ],
    ['name  one  two  three far out', 22, ['name  one  two  three', '    far out']],
    ['unbreakable-word-of-more', 10, ['unbreakable-word-of-more']],
    ['an unbreakable-word-of-more', 10, ['an', '    unbreakable-word-of-more']],
  ])('%j at %i', (line, width, lines) => {
    expect(wrapLine(line, width)).toEqual(lines);
  });

  it('counts what is seen, and keeps every word', () => {
    const status = sampleStatus({ preparation: { problems: ['x '.repeat(200).trim()] } });
    for (const line of formatStatus(status, { style: COLOURED, now: NOW, verbose: true })) {
      const lines = wrapLine(line, 60);
      for (const each of lines) expect(stripVTControlCharacters(each).length).toBeLessThanOrEqual(60);
      expect(lines.join(' ').split(/\s+/)).toEqual(line.split(/\s+/));
    }
  });
});
