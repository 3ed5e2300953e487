/** What a bench gives, and how it is shown: as a table for people and as JSON for programs. */
import { type Summary, summarize } from './statistics.ts';

/** Many values of the same thing, for one of the programs that are compared. */
export interface Series {
  /** What was measured, e.g. `adverts every 1 s: excess over the theory`. Series of the same name are compared. */
  readonly what: string;
  /** Whose, e.g. `vipward` or `keepalived`. */
  readonly subject: string;
  readonly unit: 'ms' | 'MB' | '%';
  readonly values: readonly number[];
}

/** A single figure, with what is needed to read it. */
export interface Fact {
  readonly what: string;
  readonly subject: string;
  readonly value: number;
  readonly detail?: string;
}

/** What is to be reached, and whether it was. */
export interface Aim {
  readonly what: string;
  readonly measured: number;
  /** `measured` must not be more. */
  readonly limit: number;
  readonly unit: 'ms' | 'MB' | 'x' | '';
}

export interface Measured {
  readonly series: readonly Series[];
  readonly facts: readonly Fact[];
  readonly aims: readonly Aim[];
}

export interface Section extends Measured {
  readonly name: string;
  readonly title: string;
  /** How long the bench took, in seconds. */
  readonly seconds: number;
}

export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly quick: boolean;
  readonly sections: readonly Section[];
}

/** With more values than this only their summary is written. */
const RAW_LIMIT = 200;

export function toJson(report: Report): string {
  const sections = report.sections.map((section) => ({
    ...section,
    series: section.series.map(({ values, ...series }) => ({
      ...series,
      ...(values.length > 0 ? mapNumbers(summarize(values)) : { count: 0 }),
      ...(values.length <= RAW_LIMIT ? { values: values.map(round) } : {}),
    })),
    aims: section.aims.map((aim) => ({ ...aim, measured: round(aim.measured), met: isMet(aim) })),
  }));
  return `${JSON.stringify({ ...report, sections }, null, 2)}\n`;
}

export const isMet = ({ measured, limit }: Aim): boolean => measured <= limit;

export function toText(section: Section): string {
  const lines = [`${section.title}  (${section.seconds.toFixed(0)} s)`, ''];
  if (section.series.length > 0) lines.push(...seriesTable(section.series), '');
  if (section.facts.length > 0) lines.push(...factTable(section.facts), '');
  for (const aim of section.aims) {
    const verdict = isMet(aim) ? 'met   ' : 'MISSED';
    lines.push(
      `  aim ${verdict} ${aim.what}: ${figure(aim.measured)} (limit ${aim.limit}) ${aim.unit}`.trimEnd(),
    );
  }
  if (section.aims.length > 0) lines.push('');
  return lines.join('\n');
}

function seriesTable(series: readonly Series[]): string[] {
  const header = ['', '', 'runs', 'min', 'median', 'p90', 'p99', 'max', '', 'ratio'];
  let last = '';
  const rows = series.map(({ what, subject, unit, values }) => {
    const name = what === last ? '' : what;
    last = what;
    if (values.length === 0) return [name, subject, '0'];
    const { count, minimum, median, p90, p99, maximum } = summarize(values);
    const figures = [minimum, median, p90, p99, maximum].map(figure);
    return [name, subject, String(count), ...figures, unit, ratio(median, series, what, subject)];
  });
  return align([header, ...rows], 2);
}

/** Of the median to that of keepalived for the same thing. */
function ratio(own: number, all: readonly Series[], what: string, subject: string): string {
  const other = all.find((series) => series.what === what && series.subject === 'keepalived');
  if (other === undefined || subject === 'keepalived' || other.values.length === 0) return '';
  const theirs = summarize(other.values).median;
  return theirs === 0 ? '' : `${(own / theirs).toFixed(2)}x`;
}

function factTable(facts: readonly Fact[]): string[] {
  let last = '';
  const rows = facts.map(({ what, subject, value, detail = '' }) => {
    const name = what === last ? '' : what;
    last = what;
    return [name, subject, figure(value), detail];
  });
  return align(rows, 2, [3]);
}

/** Columns side by side: the first `texts` to the left, those of figures to the right, but for `alsoTexts`. */
function align(
  rows: readonly (readonly string[])[],
  texts: number,
  alsoTexts: readonly number[] = [],
): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  const cell = (text: string, i: number): string =>
    i < texts || alsoTexts.includes(i) ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0);
  return rows.map((row) => `  ${row.map(cell).join('  ')}`.trimEnd());
}

/** Three decimals below ten, fewer above: no more than the measurement is worth. */
function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return value.toFixed(Math.abs(value) < 10 ? 3 : Math.abs(value) < 100 ? 2 : 1);
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

const mapNumbers = (summary: Summary): Record<string, number> =>
  Object.fromEntries(Object.entries(summary).map(([name, value]) => [name, round(value)]));
