/** Problems of a configuration file, as a person wants them: each with the line that it is about. */
import { formatProblem, isError, type Problem } from '../../model/problem.ts';
import type { Style } from './style.ts';
import { countOf, printable } from './text.ts';

/** The most of a source line that is shown, so that a file of one huge line does not fill the screen. */
const EXCERPT_WIDTH = 100;

/**
 * One line for each problem in the form of formatProblem, in the order given. With the file's text there is also the
 * line that it is about, and a caret under the column.
 */
export function formatProblems(problems: readonly Problem[], style: Style, text?: string): string[] {
  const lines = text === undefined ? [] : text.split(/\r\n|\r|\n/);
  return problems.flatMap((problem) => {
    const paint = problem.severity === 'error' ? style.bad : style.doubtful;
    const source = lines[problem.line - 1];
    const excerpt = source === undefined || source.trim() === '' ? [] : excerptOf(source, problem);
    return [paint(printable(formatProblem(problem))), ...excerpt.map(style.faint)];
  });
}

function excerptOf(source: string, { line, column }: Problem): string[] {
  const start = column <= EXCERPT_WIDTH ? 0 : column - Math.floor(EXCERPT_WIDTH / 2);
  const shown = printable(source.slice(start, start + EXCERPT_WIDTH)).trimEnd();
  const number = String(line);
  return [`  ${number} | ${shown}`, `  ${' '.repeat(number.length)} | ${' '.repeat(column - 1 - start)}^`];
}

/** `2 errors, 1 warning`; only what there is. */
export function summarizeProblems(problems: readonly Problem[]): string {
  const errors = problems.filter(isError).length;
  const warnings = problems.length - errors;
  const parts = [
    ...(errors > 0 || warnings === 0 ? [countOf(errors, 'error')] : []),
    ...(warnings > 0 ? [countOf(warnings, 'warning')] : []),
  ];
  return parts.join(', ');
}
