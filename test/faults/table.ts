/** The matrix for people: vipward beside keepalived. */
import { PROGRAMS, type Program } from '../bench/bench.ts';
import { COLUMNS, type Column, type Figures, type Mark } from './compare.ts';

export interface Row {
  readonly fault: string;
  readonly title: string;
  readonly cells: Partial<Record<Program, Figures>>;
  /** Of vipward's cell. */
  readonly marks: ReadonlyMap<Column, Mark>;
}

const HEADS: Readonly<Record<Column, string>> = {
  twoOwners: 'two owners, s',
  noOwner: 'no owner, s',
  lost: 'replies lost',
};

const SIGNS: Readonly<Record<Mark, string>> = { worse: '!', 'longer than the lease': '!!' };

export function tableOf(rows: readonly Row[]): string {
  const lines = [
    ['', ...COLUMNS.flatMap((column) => [HEADS[column], ''])],
    ['', ...COLUMNS.flatMap(() => PROGRAMS.map((program) => program))],
    ...rows.map((row) => [row.fault, ...COLUMNS.flatMap((column) => cellsOf(row, column))]),
  ];
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, i) => pad(text, widths[i] ?? 0, i))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const pad = (text: string, width: number, column: number): string =>
  column === 0 ? text.padEnd(width) : text.padStart(width);

function cellsOf({ cells, marks }: Row, column: Column): readonly string[] {
  return PROGRAMS.map((program) => {
    const figures = cells[program];
    if (figures === undefined) return '-';
    const text = column === 'lost' ? String(figures.lost) : figures[column].toFixed(2);
    const mark = program === 'vipward' ? marks.get(column) : undefined;
    // Room for the sign everywhere, so that figures stand below each other.
    return `${text}${(mark === undefined ? '' : SIGNS[mark]).padEnd(2)}`;
  });
}
