/** What the yaml package finds wrong with a text, in words that say what would be right. */
import type { YAMLError } from 'yaml';
import type { TextProblem } from './text.ts';

/**
 * The first mistake at each place: those behind it there are its consequences. Behind a wrong indentation everything
 * is: nobody can tell what belongs where.
 */
export function syntaxProblems(mistakes: readonly YAMLError[], text: string): readonly TextProblem[] {
  const places = new Set<number>();
  const end = Math.min(...mistakes.filter(isIndentation).map(({ pos }) => pos[0]));
  return mistakes.flatMap((mistake) => {
    const offset = afterBlanks(text, mistake.pos[0]);
    if (mistake.pos[0] > end || places.has(offset)) return [];
    places.add(offset);
    return [{ offset, message: `YAML syntax: ${WORDS.get(mistake.message) ?? withHint(mistake)}` }];
  });
}

const isIndentation = ({ code }: YAMLError): boolean => code === 'TAB_AS_INDENT' || code === 'BAD_INDENT';

/** A wrong indentation is found at the start of its line; people look for what stands behind it. */
function afterBlanks(text: string, offset: number): number {
  let behind = offset;
  while (text.charAt(behind) === ' ') behind++;
  return ['', '\r', '\n'].includes(text.charAt(behind)) ? offset : behind;
}

const NO_COLON = 'a colon is missing in this line: a key and its value are written key: value';

/** The commonest slips, for which the yaml package has the words of YAML's grammar. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['Implicit keys need to be on a single line', NO_COLON],
  ['Implicit map keys need to be followed by map values', NO_COLON],
  [
    'Nested mappings are not allowed in compact mappings',
    'a second key stands in a value: put a value with a colon in quotes, or indent the next line by less',
  ],
]);

/** What would be right, where the yaml package only says what is wrong. */
const HINTS: { readonly [code in YAMLError['code']]?: string } = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'indent the keys of one mapping, and the items of one list, by the same number of spaces',
  TAG_RESOLVE_FAILED: 'remove the tag',
  NON_STRING_KEY: 'a key is a single word',
  BAD_SCALAR_START: 'put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'put what follows on a line of its own, or a value with a colon in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key is followed by a colon on the same line',
};

function withHint({ code, message }: YAMLError): string {
  // What it says of flow collections has its advice already.
  const hint = message.startsWith('Flow ') ? undefined : HINTS[code];
  return hint === undefined ? message : `${message}: ${hint}`;
}
