/** Something wrong, or doubtful, in a configuration file. */
export interface Problem {
  /** An error keeps the file from being used; a warning does not. */
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong and what would be right. */
  readonly message: string;
}

/** Whether it keeps the file from being used. */
export const isError = (problem: Problem): boolean => problem.severity === 'error';

/** `file:line:column: error: what, and what would be right`: the form that editors and people jump from. */
export const formatProblem = (problem: Problem): string =>
  `${problem.file}:${problem.line}:${problem.column}: ${problem.severity}: ${problem.message}`;
