/** What is read the quick way means what the whole language makes of it, and the usual entries are read that way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePlain } from '../../src/conf/plain.ts';
import { parseWhole } from '../../src/conf/source.ts';
import { forChanged, texts } from './example-texts.ts';

/** Whether it was read the quick way. */
function agrees(text: string): boolean {
  const tree = parsePlain(text);
  if (tree !== undefined) expect({ tree, problems: [] }).toEqual(parseWhole(text));
  return tree !== undefined;
}

test.each([
  'services:\n  web:\n    port: 80\n    real_servers:\n      - { address: 10.1.1.2, weight: 3 }\n',
  'a:\n- 10.1.1.0/24\n- b: 1 # first\n  c: [x, "y z", \'\', {}, []]\nd:\n',
  '  web: # indented\n    # a comment\n\n    interval: 100ms\n    address: 2001:db8::1\n    path: /usr/bin/x\n',
  'a: 007\nb: true\nc: 1h\nd: fe80::1%eth0\ne: "#1"',
])('%j is plain', (text) => {
  expect(agrees(text)).toBe(true);
});

test.each([
  ...[
    '',
    '# nothing\n',
    'a: &b 1\n',
    'a: *b\n',
    'a: !x 1\n',
    'a: |\n  text\n',
    'a: b c\n',
    'a: b\n  c\n',
    '? a\n',
  ],
  ...['a: 1.5\n', 'a: 0x1f\n', 'a: 1e3\n', 'a: +1\n', 'a: null\n', 'a: True\n', 'a: "\\n"\n', "a: 'b''c'\n"],
  ...[
    'a: 1\na: 2\n',
    '{ a: 1 }: 2\n',
    'a: { b: 1,\n c: 2 }\n',
    'a: [b: 1]\n',
    'a: b: c\n',
    'a: 1\n b: 2\n',
    '- - 1\n',
  ],
  ...[
    'a: "b" c\n',
    'a: "b" # c\n  d\n',
    'a:b\n',
    '1: 2\n',
    'a: ä\n',
    'a:\t1\n',
    'a: 1\r\n',
    '<<: 1\n',
    'a: b:\n',
    'a: yes\n',
  ],
  ...[
    `a: ${'['.repeat(70)}${']'.repeat(70)}\n`,
    `a: [${'1, '.repeat(1_001)}1]\n`,
    '  a: 1\n b: 2\n',
    'a:\n  - 1\n b: 2\n',
  ],
])('%j is left to the whole language', (text) => {
  expect(parsePlain(text)).toBeUndefined();
});

test('every example, and its beginnings', () => {
  for (const text of texts) for (let end = 0; end <= text.length; end += 5) agrees(text.slice(0, end));
});

test('every example with a piece cut out or put in', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom(
      '\n',
      '\n ',
      '\n  ',
      ' #',
      '#',
      ': ',
      ':',
      '- ',
      '\n- ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '1',
      '0x',
      '  ',
    ),
  );
  forChanged({ piece, mostPieces: 2, longestCut: 8 }, agrees);
});

test('text of the characters that mean something to YAML', () => {
  const unit = fc.constantFrom(
    ...['a', 'b', '1', '0', '.', '/', '-', ':', ' ', '#', ',', '"', "'", '{', '}', '[', ']', '\n'],
    ...[
      ': ',
      '- ',
      ' #',
      '\n  ',
      '\n- ',
      'a: ',
      '  b: ',
      '{ a: ',
      'b: 1',
      '1.2.3.4',
      '::',
      'x:y',
      '\n    c: ',
      'd:\n',
    ],
  );
  let plain = 0;
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 24 }), (text) => {
      if (agrees(`a: ${text}`)) plain++;
    }),
    { numRuns: 20_000 },
  );
  expect(plain).toBeGreaterThan(100);
});
