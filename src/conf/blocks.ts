/**
 * A long file entry by entry (`services.web`, `virtual_routers.site` …), of which only those are parsed that have
 * changed since the last time: a reload need not read a thousand services again because one has another weight.
 *
 * Only what surely means the same in pieces is cut into pieces; everything else, and whatever has a mistake, is left to
 * the parser as a whole.
 */
import { parsePlain } from './plain.ts';
import type { Source } from './source.ts';
import { MAX_VALUES, type Tree } from './tree.ts';

/** A piece of the text with the key at its head; sections that are cut have their entries instead of a text. */
interface Block {
  readonly offset: number;
  readonly text: string;
}

interface Section {
  readonly key: string;
  readonly offset: number;
  readonly entries: readonly Block[];
}

/**
 * What is not cut: blanks and ends of lines of other kinds, directives and ends of documents. Anchors need not be
 * among it: an alias of an anchor that is not in its own entry is a mistake there.
 */
const NOT_CUT = /[\t\r]|^(?:%|---|\.\.\.)/m;
/** Of longer ones, and of more entries, the parser as a whole knows when to give up. */
const MOST = 1024 * 1024;
const MOST_ENTRIES = 10_000;
/** Beginnings of lines: an entry's key, blank lines and comments, the head of a section that can be cut. */
const KEY = /( *)[A-Za-z0-9_.-]+:(?=[ \n]|$)/y;
const NOTHING = / *(?:#|\n|$)/y;
const HEAD = /^([a-z_]+):[ ]*(?:#.*)?$/;

/** The trees of the entries of the last text that was cut, by their text. */
let known: ReadonlyMap<string, Tree> = new Map();

/** undefined: let the parser read it as a whole. */
export function parseInBlocks(text: string, parse: (block: string) => Source): Source | undefined {
  if (text.length > MOST || NOT_CUT.test(text)) return undefined;
  const pieces = cut(text, 0, '').map((block) => toSection(block) ?? block);
  if (pieces.reduce((sum, piece) => sum + ('text' in piece ? 1 : piece.entries.length), 0) > MOST_ENTRIES)
    return undefined;
  const trees = new Map<string, Tree>();
  const treeOf = (block: Block): Tree | undefined => {
    const tree = trees.get(block.text) ?? known.get(block.text) ?? parseBlock(block.text, parse);
    if (tree === undefined) return undefined;
    trees.set(block.text, tree);
    return shifted(tree, block.offset);
  };
  const tree = joined(pieces.map((piece) => ('text' in piece ? treeOf(piece) : sectionTree(piece, treeOf))));
  if (tree === undefined || tree.size > MAX_VALUES) return undefined;
  known = trees;
  return { tree, problems: [] };
}

/** From each line with a key at `indent` to the next such line; none where a line fits in nowhere. */
function cut(text: string, offset: number, indent: string): readonly Block[] {
  const starts: number[] = [];
  const deeper = `${indent} `;
  for (let at = 0; at < text.length; at = endOfLine(text, at)) {
    // Of nearly every line, and whatever is on it.
    if (starts.length > 0 && text.startsWith(deeper, at)) continue;
    NOTHING.lastIndex = at;
    if (NOTHING.test(text)) continue;
    KEY.lastIndex = at;
    if (KEY.exec(text)?.[1] !== indent) return [];
    starts.push(at);
  }
  return starts.map((start, i) => ({ offset: offset + start, text: text.slice(start, starts[i + 1]) }));
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

/** A head without a value of its own, with entries that can be cut. */
function toSection({ offset, text }: Block): Section | undefined {
  const [, key] = HEAD.exec(text.slice(0, endOfLine(text, 0)).replace(/\n$/, '')) ?? [];
  const start = endOfLine(text, 0);
  const content = text.slice(start);
  const indent = /^( +)[^ #\n]/m.exec(content)?.[1];
  if (key === undefined || indent === undefined) return undefined;
  const entries = cut(content, offset + start, indent);
  return entries.length === 0 ? undefined : { key, offset, entries };
}

/** A mapping of one key without a mistake in it. */
function parseBlock(text: string, parse: (block: string) => Source): Tree | undefined {
  const plain = parsePlain(text);
  const { tree, problems } = plain === undefined ? parse(text) : { tree: plain, problems: [] };
  return problems.length === 0 && tree?.entries?.size === 1 ? tree : undefined;
}

function sectionTree(
  { key, offset, entries }: Section,
  treeOf: (block: Block) => Tree | undefined,
): Tree | undefined {
  const tree = joined(entries.map(treeOf));
  if (tree === undefined) return undefined;
  return {
    value: { [key]: tree.value },
    offset,
    size: tree.size + 1,
    entries: new Map([[key, { keyOffset: offset, tree }]]),
  };
}

/** One mapping of several; undefined where one is missing, where there is none, or a key is there twice. */
function joined(trees: readonly (Tree | undefined)[]): Tree | undefined {
  const entries = new Map<string, { readonly keyOffset: number; readonly tree: Tree }>();
  const value: Record<string, unknown> = {};
  let size = 1;
  for (const tree of trees) {
    for (const [key, entry] of tree?.entries ?? []) {
      if (entries.has(key)) return undefined;
      entries.set(key, entry);
      value[key] = entry.tree.value;
      size += entry.tree.size;
    }
    if (tree === undefined) return undefined;
  }
  const [first] = entries.values();
  return first && { value, offset: first.keyOffset, size, entries };
}

/** The mapping of one block elsewhere in the text. What is in it is not copied: see Tree.shift. */
function shifted({ value, offset, size, entries }: Tree, by: number): Tree {
  const moved = Array.from(
    entries ?? [],
    ([key, { keyOffset, tree }]) =>
      [key, { keyOffset: keyOffset + by, tree: { ...tree, offset: tree.offset + by, shift: by } }] as const,
  );
  return { value, offset: offset + by, size, entries: new Map(moved) };
}
