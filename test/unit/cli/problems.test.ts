import { describe, expect, test } from 'vitest';
import { formatProblems, summarizeProblems } from '../../../src/cli/format/problems.ts';
import { COLOURED, PLAIN } from '../../../src/cli/format/style.ts';
import type { Problem } from '../../../src/model/problem.ts';

const problem = (changes: Partial<Problem> = {}): Problem => ({
  severity: 'error',
  file: 'vipward.yaml',
  line: 2,
  column: 5,
  message: 'priority is 300: 1 to 255',
  ...changes,
});

describe('problems', () => {
  test('without the text are one line each, in the form that editors jump from', () => {
    expect(formatProblems([problem(), problem({ severity: 'warning', line: 9 })], PLAIN)).toEqual([
      'vipward.yaml:2:5: error: priority is 300: 1 to 255',
      'vipward.yaml:9:5: warning: priority is 300: 1 to 255',
    ]);
  });

  test('with the text point at the column, tabs or not', () => {
    expect(formatProblems([problem()], PLAIN, 'a: 1\n\tb: \t300\n').slice(1)).toEqual([
      '  2 |  b:  300',
      '    |     ^',
    ]);
  });

  test.each([
    ['past the end of the text', problem({ line: 7 }), 'a: 1\n'],
    ['on an empty line', problem({ line: 1, column: 1 }), '\n'],
  ])('%s have no excerpt', (_, one, text) => {
    expect(formatProblems([one], PLAIN, text)).toHaveLength(1);
  });

  test('deep inside a huge line show its surroundings only, with the caret under the right character', () => {
    const text = `${'x'.repeat(100_000)}Y${'z'.repeat(100_000)}`;
    const [, source = '', caret = ''] = formatProblems([problem({ line: 1, column: 100_001 })], PLAIN, text);
    expect(source.length).toBeLessThan(120);
    expect(source[caret.indexOf('^')]).toBe('Y');
  });

  test('never pass on escape sequences of the file', () => {
    const lines = formatProblems([problem({ message: 'unknown key \x1b]0;x\x07' })], PLAIN, 'a\n\x1b[2J: 1');
    expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  });

  test('are coloured by severity', () => {
    const [error, warning] = formatProblems([problem(), problem({ severity: 'warning' })], COLOURED);
    expect(error).toBe(COLOURED.bad('vipward.yaml:2:5: error: priority is 300: 1 to 255'));
    expect(warning).toBe(COLOURED.doubtful('vipward.yaml:2:5: warning: priority is 300: 1 to 255'));
  });

  test('are summed up by severity', () => {
    const warning = problem({ severity: 'warning' });
    expect(summarizeProblems([problem(), warning, problem()])).toBe('2 errors, 1 warning');
    expect(summarizeProblems([warning, warning])).toBe('2 warnings');
    expect(summarizeProblems([])).toBe('no errors');
  });
});
