/** Names that refer to something defined elsewhere in the file. */
import { nearest } from '../nearest.ts';

/** Among more names nobody misses a hint, and a file of nothing but wrong names is answered at once. */
const MOST_COMPARED = 300;

/** What to do about a name that is not among `known`. */
export function adviceFor(name: string, known: readonly string[], section: string): string {
  const near = known.length > MOST_COMPARED ? undefined : nearest(name, known);
  return near === undefined ? `define it in ${section}` : `did you mean ${JSON.stringify(near)}?`;
}
