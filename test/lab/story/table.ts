/** The table at the end of the story, its cells broken into lines. */
import type { Row } from './row.ts';

const HEADINGS = ['step', 'expected', 'seen', 'measured', ''] as const;
const WIDTHS = [16, 36, 36, 34, 6] as const;

export function formatTable(rows: readonly Row[]): string {
  const rule = WIDTHS.map((width) => '-'.repeat(width)).join('  ');
  const body = rows.flatMap((row, index) => {
    const again = rows[index - 1]?.step === row.step;
    return [...(again ? [] : [rule]), ...lines(cells(row, again))];
  });
  return [...lines(HEADINGS), ...body, rule].join('\n');
}

const cells = ({ step, expected, seen, measured, ok }: Row, again: boolean): readonly string[] => [
  again ? '' : step,
  expected,
  seen,
  measured,
  ok ? 'ok' : 'FAILED',
];

function lines(texts: readonly string[]): string[] {
  const columns = texts.map((text, column) => wrap(text, WIDTHS[column] ?? 20));
  const height = Math.max(...columns.map((column) => column.length));
  return Array.from({ length: height }, (_, at) =>
    columns
      .map((column, index) => (column[at] ?? '').padEnd(WIDTHS[index] ?? 20))
      .join('  ')
      .trimEnd(),
  );
}

/** Broken at blanks; a longer word stands on a line of its own. */
function wrap(text: string, width: number): string[] {
  const wrapped: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = wrapped.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      wrapped[wrapped.length - 1] = `${last} ${word}`;
    } else wrapped.push(word);
  }
  return wrapped;
}
