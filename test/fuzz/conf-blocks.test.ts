/** A file that is read in pieces means what it means as a whole, wherever it is changed. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseInBlocks } from '../../src/conf/blocks.ts';
import { parseSource, parseWhole } from '../../src/conf/source.ts';

const examples = new URL('../../conf/examples/', import.meta.url);
const texts = readdirSync(examples).map((name) => readFileSync(new URL(name, examples), 'utf8'));

/** Whether it could be read in pieces. */
function agrees(text: string): boolean {
  const inPieces = parseInBlocks(text, parseWhole);
  if (inPieces !== undefined) expect(inPieces).toEqual(parseWhole(text));
  return inPieces !== undefined;
}

test('the examples are read in pieces', () => {
  // Of one an alias is that of another entry's anchor.
  expect(texts.filter(agrees)).toHaveLength(texts.length - 1);
});

test('every example cut off at any character', () => {
  for (const text of texts) for (let end = 0; end < text.length; end += 7) agrees(text.slice(0, end));
});

test('every example with a piece cut out or put in', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.constantFrom(
      ...[
        '\n',
        '\n ',
        '\n  ',
        '\n  a:',
        '\nb: 1\n',
        '\n#',
        ' #',
        ': ',
        '- ',
        '\n- ',
        '[',
        ']',
        '{',
        '}',
        '"',
        "'",
      ],
      ...[
        '? ',
        ',',
        '  web: 1\n',
        '\nservices:\n',
        ' ',
        '   ',
        '\n\n',
        '__proto__: 1',
        '<<: 1',
        '\u2028',
        '\ufeff',
      ],
    ),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.nat(),
      fc.nat({ max: 12 }),
      fc.array(piece, { minLength: 1, maxLength: 3 }),
      (text, at, length, inserted) => {
        const start = at % text.length;
        agrees(text.slice(0, start) + inserted.join('') + text.slice(start + length));
      },
    ),
    { numRuns: 1000 },
  );
});

test('text of the characters that mean something to YAML', () => {
  const unit = fc.constantFrom(
    ...'[]{}:,\'"#?-< \na1',
    '- ',
    ': ',
    '\n  ',
    '\na:\n',
    '\n  b: ',
    '\n    ',
    '  c:\n',
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (text) => void agrees(`a:\n  b: 1\n${text}`)),
    {
      numRuns: 3000,
    },
  );
});

test('too much is left to the parser as a whole, which gives up', () => {
  const bomb = (i: number) =>
    `  b${i}:\n    a: &a [${'1,'.repeat(300)}]\n    b: &b [${'*a,'.repeat(300)}]\n    c: [*b, *b, *b, *b]\n`;
  const bombs = `services:\n${Array.from({ length: 5 }, (_, i) => bomb(i)).join('')}`;
  expect(parseWhole(`services:\n${bomb(0)}`).problems).toEqual([]);
  expect(parseInBlocks(bombs, parseWhole)).toBeUndefined();
  const keys = Array.from({ length: 10_001 }, (_, i) => `k${i}: 1\n`).join('');
  expect(parseInBlocks(keys, parseWhole)).toBeUndefined();
});

test('of a long file only what has changed is parsed again', () => {
  const service = (i: number, weight = 1) =>
    // An anchor, which is not read the quick way.
    `  s${i}:\n    port: &port 80\n    real_servers:\n      - { address: 10.1.1.${i % 250}, weight: ${weight} }\n`;
  const file = (weight: number) =>
    `services:\n${Array.from({ length: 400 }, (_, i) => service(i, i === 200 ? weight : 1)).join('')}`;
  parseSource(file(1));
  let parsed = 0;
  const counting = (block: string) => {
    parsed++;
    return parseWhole(block);
  };
  const again = parseInBlocks(file(2), counting);
  expect(parsed).toBe(1);
  expect(again).toEqual(parseWhole(file(2)));
});
