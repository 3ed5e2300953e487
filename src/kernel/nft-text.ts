/** Pieces of rulesets in nft(8)'s language. */

/**
 * A named set of this type. nft takes no empty list of elements, and refuses one that is there twice in a
 * concatenation.
 */
export const setLines = (name: string, type: string, elements: readonly string[]): readonly string[] =>
  lines('set', name, [`type ${type}`], elements);

/** As `setLines`; elements may be ranges, none of which may overlap another. */
export const intervalSetLines = (
  name: string,
  type: string,
  elements: readonly string[],
): readonly string[] => lines('set', name, [`type ${type}`, 'flags interval'], elements);

/** A named map; elements are `KEY : VALUE`, and may be ranges as in `intervalSetLines`. */
export const intervalMapLines = (
  name: string,
  type: string,
  elements: readonly string[],
): readonly string[] => lines('map', name, [`type ${type}`, 'flags interval'], elements);

function lines(
  kind: 'set' | 'map',
  name: string,
  properties: readonly string[],
  elements: readonly string[],
): readonly string[] {
  const list = [...new Set(elements)].join(', ');
  const contents = list === '' ? [] : [`elements = { ${list} }`];
  return [`  ${kind} ${name} {`, ...[...properties, ...contents].map((line) => `    ${line}`), '  }'];
}
