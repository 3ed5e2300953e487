import { describe, expect, test } from 'vitest';
import { CHECKED, problemsOf } from './support.ts';

const bytes = (text: string, ...more: number[]): Uint8Array =>
  Uint8Array.from([...Buffer.from(text), ...more]);
const EMPTY =
  '1:1: error: the file is empty: it needs virtual_routers, services or both (see the commented vipward.yaml)';

describe('text that is no YAML, or not ours', () => {
  test.each<[string, string | Uint8Array, string[]]>([
    ['nothing', '', [EMPTY]],
    ['comments alone', '# one\n\n---\n# two\n', [EMPTY]],
    [
      'a list',
      '- a\n',
      ['1:1: error: expected a mapping of virtual_routers, services and other sections, not a list'],
    ],
    [
      'one word',
      'hello',
      ['1:1: error: expected a mapping of virtual_routers, services and other sections, not "hello"'],
    ],
    [
      'a tab',
      'services:\n\tweb: 1\n',
      ['2:1: error: YAML syntax: Tabs are not allowed as indentation: indent with spaces'],
    ],
    ['a quote left open', 'director: { name: "lvs1 }', ['1:26: error: YAML syntax: Missing closing "quote']],
    [
      'a key without its colon, in the middle and at the end',
      `vrrp:\n  realtime true\n  x: 1\n${CHECKED}\n    protocol tcp\n`,
      [
        '2:3: error: YAML syntax: a colon is missing in this line: a key and its value are written key: value',
        '11:5: error: YAML syntax: a colon is missing in this line: a key and its value are written key: value',
      ],
    ],
    [
      'a line that is indented too far',
      'vrrp:\n  realtime: true\n    x: 1\n',
      [
        '2:13: error: YAML syntax: a second key stands in a value: put a value with a colon in quotes, or indent the next line by less',
      ],
    ],
    [
      'a line that is not indented far enough',
      'vrrp:\n    realtime: true\n  x: 1\n',
      [
        '3:3: error: YAML syntax: All mapping items must start at the same column: indent the keys of one mapping, and the items of one list, by the same number of spaces',
      ],
    ],
    [
      'a key that is not indented far enough: nothing behind it is judged',
      'vrrp:\n   realtime: true\n  x: 1\n   y: 1\n   z: 1\n',
      [
        '3:3: error: YAML syntax: All mapping items must start at the same column: indent the keys of one mapping, and the items of one list, by the same number of spaces',
      ],
    ],
    [
      'a tab, and what follows from it',
      'services:\n  web:\n    address: 10.1.1.1\n\tport: 80\n    protocol: tcp\n',
      ['4:1: error: YAML syntax: Tabs are not allowed as indentation: indent with spaces'],
    ],
    [
      'two documents',
      `${CHECKED}\n---\nservices: {}\n`,
      ['8:1: error: a second YAML document begins here: the configuration is one document, remove the ---'],
    ],
    [
      'a tag',
      'director: !mine { name: lvs1 }',
      ['1:11: error: YAML syntax: Unresolved tag: !mine: remove the tag'],
    ],
    [
      'a key twice',
      `${CHECKED}\nservices: {}\n`,
      ['8:1: error: key "services" is given twice: keep one of them'],
    ],
    [
      'a merge key',
      `${CHECKED}\n<<: { a: 1 }\n`,
      ['8:1: error: merge keys (<<) are not supported: repeat the keys, or use an alias for the whole value'],
    ],
    [
      '__proto__',
      `${CHECKED}\n__proto__: { services: 1 }\n`,
      ['8:1: error: the name __proto__ is reserved: choose another'],
    ],
    [
      'an alias without an anchor',
      `${CHECKED}\nvrrp: *gone\n`,
      ['8:7: error: alias *gone has no anchor: define &gone before it'],
    ],
    [
      'an anchor that holds itself',
      `${CHECKED}\nvrrp: &v { realtime: *v }\n`,
      [
        '8:22: error: alias *v stands inside its own anchor &v: a value cannot contain itself',
        '8:22: error: realtime: expected true or false, not nothing',
      ],
    ],
    ['a NUL', 'services:\n  a\0: 1\n', ['2:4: error: character U+0000 is not allowed: remove it']],
    [
      'Latin-1',
      bytes('# Stra', 0xdf, 0x65, 10),
      ['1:7: error: byte 0xDF is not UTF-8: save the file as UTF-8'],
    ],
    [
      'Latin-1 after UTF-8',
      bytes('# 北京\n# ', 0xe9, 10, 0xe9),
      ['2:3: error: byte 0xE9 is not UTF-8: save the file as UTF-8'],
    ],
    [
      'UTF-16',
      Uint8Array.of(0xff, 0xfe, 0x61, 0),
      ['1:1: error: byte 0xFF is not UTF-8: save the file as UTF-8'],
    ],
    [
      'a character cut at the end',
      bytes('# ', 0xe5, 0x8c),
      ['1:3: error: byte 0xE5 is not UTF-8: save the file as UTF-8'],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  test('UTF-8 with its byte order mark is text', () => {
    expect(problemsOf(bytes(`\ufeff# 北京 ß\n${CHECKED}`))).toEqual([]);
  });

  test('columns are the same with a byte order mark and CRLF', () => {
    const problem = [
      '1:1: error: unknown key "x": known here: director, vrrp, ipvs, virtual_routers, sync_groups, track, arbiter, fencing, mail, static, services',
    ];
    expect(problemsOf(`\ufeffx: 1\r\n${CHECKED.replaceAll('\n', '\r\n')}`)).toEqual(problem);
  });
});

describe('unknown keys', () => {
  test.each([
    ['servces', 'did you mean "services"?'],
    ['virtual-routers', 'did you mean "virtual_routers"?'],
    ['Director', 'did you mean "director"?'],
    [
      'zebra',
      'known here: director, vrrp, ipvs, virtual_routers, sync_groups, track, arbiter, fencing, mail, static, services',
    ],
    [
      'toString',
      'known here: director, vrrp, ipvs, virtual_routers, sync_groups, track, arbiter, fencing, mail, static, services',
    ],
  ])('%s', (key, advice) => {
    expect(problemsOf(`${CHECKED}\n${key}: {}`)).toEqual([`8:1: error: unknown key "${key}": ${advice}`]);
  });

  test('what is known is said of the place', () => {
    expect(problemsOf(CHECKED.replace('tcp: {}', 'tcp: { port: 1 }'))).toEqual([
      '7:21: error: unknown key "port": remove it, nothing is known here',
    ]);
  });
});
