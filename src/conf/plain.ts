/**
 * The part of YAML that nearly every entry of a configuration is written in, read in a fiftieth of the time that a
 * parser of the whole language takes: mappings and lists by indentation, `{ ... }` and `[ ... ]` within a line, numbers,
 * names, addresses, and quoted text without escapes. Whatever else there is, and whatever is doubtful, is left to that
 * parser. What is read here means the same there, places included (test/fuzz/conf-plain.test.ts).
 */
import type { Entry, Tree } from './tree.ts';

/** A line with something on it. */
interface Line {
  readonly indent: number;
  /** Offsets of its first character and of its end. */
  readonly start: number;
  readonly end: number;
}

/** Other characters than printable ASCII mean too many things to YAML. */
const OTHER = /[^\n -~]/;
const KEY = /([A-Za-z][A-Za-z0-9_.-]{0,100}):(?= |\n|$)/y;
/** Neither a mark of YAML's nor the end of a key; the same within brackets and without. */
const SCALAR = /[A-Za-z0-9/](?:[A-Za-z0-9_./%+@-]|:(?=[A-Za-z0-9_./%+@:-]))*/y;
const QUOTED = /"([^"\\\n]*)"|'([^'\n]*)'(?!')/y;
const END_OF_LINE = / *(?: #.*)?$/my;
const BLANKS = / */y;
/** Digits that are a number without a doubt, and texts that begin with a digit and are none. */
const NUMBER = /^[0-9]{1,15}$/;
const NO_NUMBER = /:|^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|^[0-9]+(?:ms|s|m|h|d)$/;
/** Words that YAML takes, or took, for something else than text. */
const SPECIAL = /^(?:null|true|false|yes|no|on|off|nan|inf)$/i;
/** Deeper nesting, and longer lists, the other parser judges. */
const DEEPEST = 16;
const LONGEST = 1_000;

const NOTHING: Tree = { value: null, offset: 0, size: 1 };

/** undefined: let the other parser read it. */
export function parsePlain(text: string): Tree | undefined {
  return OTHER.test(text) ? undefined : new PlainReader(text).read();
}

/** What it does not understand fails for good, and is asked for once, at the end. */
class PlainReader {
  readonly #text: string;
  readonly #lines: Line[];
  /** The next line. */
  #at = 0;
  /** Where the value within the line that was read last ended. */
  #end = 0;
  #failed = false;

  constructor(text: string) {
    this.#text = text;
    this.#lines = linesOf(text);
  }

  read(): Tree | undefined {
    const tree = this.#block(0);
    return this.#failed || this.#at < this.#lines.length ? undefined : tree;
  }

  #fail(): Tree {
    this.#failed = true;
    this.#at = this.#lines.length;
    return NOTHING;
  }

  #block(depth: number): Tree {
    const line = this.#lines[this.#at];
    if (line === undefined || depth > DEEPEST) return this.#fail();
    return this.#isItem(line) ? this.#list(line, depth) : this.#mapping(line, depth);
  }

  #isItem({ start, end }: Line): boolean {
    return this.#text[start] === '-' && (start + 1 === end || this.#text[start + 1] === ' ');
  }

  #mapping({ indent, start }: Line, depth: number): Tree {
    const entries = new Map<string, Entry>();
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const key = this.#match(KEY, line.start)?.[1];
      if (key === undefined || entries.has(key)) return this.#fail();
      const tree = this.#valueOf(line, line.start + key.length + 1, depth);
      entries.set(key, { keyOffset: line.start, tree });
    }
    return mappingTree(entries, start);
  }

  /** Of the key whose colon is before `from`. */
  #valueOf(line: Line, from: number, depth: number): Tree {
    if (!this.#endsAt(from, line)) return this.#lineValue(line, from, depth);
    this.#at++;
    const next = this.#lines[this.#at];
    if (
      next !== undefined &&
      (next.indent > line.indent || (next.indent === line.indent && this.#isItem(next)))
    )
      return this.#block(depth + 1);
    // Nothing stands there: its place is the key's.
    return { value: null, offset: line.start, size: 1 };
  }

  #list({ indent, start }: Line, depth: number): Tree {
    const items: Tree[] = [];
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      // The end of a list that is indented no deeper than its key.
      if (!this.#isItem(line)) break;
      if (items.length === LONGEST) return this.#fail();
      items.push(this.#item(line, depth));
    }
    return listTree(items, start);
  }

  #item(line: Line, depth: number): Tree {
    const from = this.#skipBlanks(line.start + 1);
    if (this.#match(KEY, from) === undefined) return this.#lineValue(line, from, depth);
    // A mapping that begins beside the dash: as if it began on a line of its own, at that place.
    const first = { indent: line.indent + from - line.start, start: from, end: line.end };
    this.#lines[this.#at] = first;
    return depth < DEEPEST ? this.#mapping(first, depth + 1) : this.#fail();
  }

  /** A value on the line, which must end with it. */
  #lineValue(line: Line, from: number, depth: number): Tree {
    const tree = this.#value(this.#skipBlanks(from), depth + 1);
    if (this.#failed || !this.#endsAt(this.#end, line)) return this.#fail();
    this.#at++;
    // It might go on there.
    return (this.#lines[this.#at]?.indent ?? 0) > line.indent ? this.#fail() : tree;
  }

  #value(at: number, depth: number): Tree {
    if (depth > DEEPEST) return this.#fail();
    switch (this.#text[at]) {
      case '{':
        return this.#flowMapping(at, depth);
      case '[':
        return this.#flowList(at, depth);
      case '"':
      case "'":
        return this.#quoted(at);
      default:
        return this.#scalar(at);
    }
  }

  #flowMapping(start: number, depth: number): Tree {
    const entries = new Map<string, Entry>();
    let at = this.#skipBlanks(start + 1);
    for (let first = true; this.#text[at] !== '}' || !first; first = false) {
      const key = this.#match(KEY, at)?.[1];
      if (key === undefined || entries.has(key)) return this.#fail();
      const tree = this.#value(this.#skipBlanks(at + key.length + 1), depth + 1);
      if (this.#failed) return NOTHING;
      entries.set(key, { keyOffset: at, tree });
      at = this.#skipBlanks(this.#end);
      if (this.#text[at] === '}') break;
      if (this.#text[at] !== ',') return this.#fail();
      at = this.#skipBlanks(at + 1);
    }
    this.#end = at + 1;
    return mappingTree(entries, start);
  }

  #flowList(start: number, depth: number): Tree {
    const items: Tree[] = [];
    let at = this.#skipBlanks(start + 1);
    for (let first = true; this.#text[at] !== ']' || !first; first = false) {
      if (items.length === LONGEST) return this.#fail();
      items.push(this.#value(at, depth + 1));
      if (this.#failed) return NOTHING;
      at = this.#skipBlanks(this.#end);
      if (this.#text[at] === ']') break;
      if (this.#text[at] !== ',') return this.#fail();
      at = this.#skipBlanks(at + 1);
    }
    this.#end = at + 1;
    return listTree(items, start);
  }

  #quoted(at: number): Tree {
    const found = this.#match(QUOTED, at);
    if (found === undefined) return this.#fail();
    this.#end = at + found[0].length;
    return { value: found[1] ?? found[2] ?? '', offset: at, size: 1 };
  }

  #scalar(at: number): Tree {
    const text = this.#match(SCALAR, at)?.[0];
    const value = text === undefined ? undefined : meaningOf(text);
    if (text === undefined || value === undefined) return this.#fail();
    this.#end = at + text.length;
    return { value, offset: at, size: 1 };
  }

  #endsAt(at: number, { end }: Line): boolean {
    return this.#match(END_OF_LINE, at) !== undefined && at <= end;
  }

  #skipBlanks(at: number): number {
    return at + (this.#match(BLANKS, at)?.[0].length ?? 0);
  }

  #match(pattern: RegExp, at: number): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    return pattern.exec(this.#text) ?? undefined;
  }
}

/** Those with something else than blanks and comments. */
function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from);
    const end = newline === -1 ? text.length : newline;
    let start = from;
    while (start < end && text[start] === ' ') start++;
    if (start < end && text[start] !== '#') lines.push({ indent: start - from, start, end });
    from = end + 1;
  }
  return lines;
}

/** undefined: doubtful. */
function meaningOf(text: string): string | number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  if (NUMBER.test(text)) return Number(text);
  const isText = /^[0-9]/.test(text) ? NO_NUMBER.test(text) : !SPECIAL.test(text);
  return isText ? text : undefined;
}

function mappingTree(entries: ReadonlyMap<string, Entry>, offset: number): Tree {
  const value: Record<string, unknown> = {};
  let size = 1;
  for (const [key, { tree }] of entries) {
    value[key] = tree.value;
    size += tree.size;
  }
  return { value, offset, size, entries };
}

const listTree = (items: readonly Tree[], offset: number): Tree => ({
  value: items.map(({ value }) => value),
  offset,
  size: items.reduce((sum, { size }) => sum + size, 1),
  items,
});
