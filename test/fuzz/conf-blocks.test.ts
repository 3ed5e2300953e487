/** A file that is read in pieces means what it means as a whole, wherever it is changed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseInBlocks } from '../../src/conf/blocks.ts';
import { loadConfig } from '../../src/conf/load.ts';
import { parseSource, parseWhole, type Source } from '../../src/conf/source.ts';
import type { Tree } from '../../src/conf/tree.ts';
import { LVS1 } from '../unit/conf/support.ts';
import { forChanged, texts } from './example-texts.ts';

/** Whether it could be read in pieces. */
function agrees(text: string): boolean {
  const inPieces = parseInBlocks(text, parseWhole);
  if (inPieces !== undefined) expect(absolute(inPieces)).toEqual(parseWhole(text));
  return inPieces !== undefined;
}

/** With the places in the text of everything. */
const absolute = ({ tree, problems }: Source): Source => ({ tree: tree && moved(tree, 0), problems });

function moved({ value, offset, size, entries, items, shift = 0 }: Tree, by: number): Tree {
  const within = by + shift;
  return {
    value,
    offset: offset + by,
    size,
    ...(entries && {
      entries: new Map(
        Array.from(entries, ([key, { keyOffset, tree }]) => [
          key,
          { keyOffset: keyOffset + within, tree: moved(tree, within) },
        ]),
      ),
    }),
    ...(items && { items: items.map((item) => moved(item, within)) }),
  };
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
  forChanged({ piece, mostPieces: 3, longestCut: 12 }, agrees);
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
  expect(again && absolute(again)).toEqual(parseWhole(file(2)));
});

test('a long file that is read again means what it means alone, and its mistakes are where they are', () => {
  const service = (i: number, weight: string) =>
    `  s${i}:\n    address: 10.1.1.1\n    port: ${1_000 + i}\n    forwarding: dr\n    real_servers:\n      - { address: 10.1.1.${2 + (i % 200)}, weight: ${weight} }\n`;
  const file = (weight: string) =>
    `services:\n${Array.from({ length: 300 }, (_, i) => service(i, i === 200 ? weight : '1')).join('')}`;
  for (const weight of ['1', '3', '-1', '5']) {
    const text = file(weight);
    // A tab: not cut into pieces, so nothing is remembered of it.
    const alone = loadConfig(`${text}#\t\n`, 'f', LVS1);
    expect(alone.problems.filter(({ severity }) => severity === 'error')).toHaveLength(
      weight === '-1' ? 1 : 0,
    );
    expect(loadConfig(text, 'f', LVS1)).toEqual(alone);
  }
});

test('what is found of a service goes by the rest of the file as it is now', () => {
  const service = (i: number) =>
    `  s${i}:\n    address: 10.1.1.254\n    port: ${1_000 + i}\n    forwarding: ${i === 7 ? 'tun' : 'dr'}\n    check_while: ${i === 8 ? 'active' : 'always'}\n    real_servers:\n      - { address: ${i === 7 ? '"2001:db8::2"' : `10.1.1.${2 + (i % 200)}`} }\n`;
  const services = `services:\n${Array.from({ length: 300 }, (_, i) => service(i)).join('')}`;
  const router = (address: string) =>
    `virtual_routers:\n  web: { interface: eth0, vrid: 51, addresses: [${address}/24] }\n`;
  const held = router('10.1.1.254');
  // Two services of one address and port; the other family beside synchronisation; an address that nobody holds.
  const files: readonly (readonly [text: string, ofServices: number])[] = [
    [`${held}${services}`, 0],
    [`ipvs: { sync: { interface: eth0 } }\n${held}${services}`, 1],
    [`${held}${services}`, 0],
    [`${held}${services}${service(9).replace('s9:', 'again:')}`, 1],
    [`${router('10.1.1.253')}${services}`, 301],
    [`${held}${services}`, 0],
  ];
  for (const [text, ofServices] of files) {
    const alone = loadConfig(`${text}#\t\n`, 'f', LVS1);
    const unlikeCheck = alone.problems.filter(({ message }) => !/no check|have no check/.test(message));
    expect(unlikeCheck).toHaveLength(ofServices);
    expect(loadConfig(text, 'f', LVS1)).toEqual(alone);
  }
});
