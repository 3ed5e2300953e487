/** Something wrong or doubtful at a place in the configuration's tree, before the place has a line and a column. */

/** The keys and list indexes that lead from the root of the file to a value. */
export type Path = readonly (string | number)[];

export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly path: Path;
  /** Which end of `key: value` the finding points at. */
  readonly at: 'key' | 'value';
  /** What is wrong and what would be right. */
  readonly message: string;
}

const findingOf =
  (severity: Finding['severity'], at: Finding['at']) =>
  (path: Path, message: string): Finding => ({ severity, path, at, message });

export const errorAt = findingOf('error', 'value');
export const errorAtKey = findingOf('error', 'key');
export const warningAt = findingOf('warning', 'value');
export const warningAtKey = findingOf('warning', 'key');

/** `services.web.real_servers[1].port`. */
export const pathText = (path: Path): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );

/** The last key of a path with the list indexes behind it: `port`, `addresses[0]`. */
export function lastKey(path: Path): string {
  const index = path.findLastIndex((part) => typeof part === 'string');
  return pathText(path.slice(Math.max(0, index)));
}
