/**
 * The configuration as plain values, with the place of each in the text. Made from the nodes of the yaml package
 * rather than by its `toJS`, which keeps no places, expands aliases before anybody can count them, and compares
 * every key with every other to find duplicates.
 */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import type { Path } from './finding.ts';
import type { TextProblem } from './text.ts';

/** A value and where it stands. An alias is the tree of its anchor, shared, so it costs nothing to expand. */
export interface Tree {
  readonly value: unknown;
  readonly offset: number;
  /** How many values it holds once all aliases are expanded, itself included. */
  readonly size: number;
  readonly entries?: ReadonlyMap<string, Entry>;
  readonly items?: readonly Tree[];
  /** To be added to the offsets of all that is in it, but not to its own; default 0. */
  readonly shift?: number;
}

export interface Entry {
  readonly keyOffset: number;
  readonly tree: Tree;
}

/** A megabyte of honest text holds about 100,000 values; aliases of aliases reach any number. */
export const MAX_VALUES = 500_000;
/** More real servers than any kernel's table is asked to hold for one virtual server. */
const MAX_ITEMS = 10_000;

interface Building {
  readonly anchors: Map<string, Tree | 'unfinished'>;
  readonly problems: TextProblem[];
}

/** The tree of a document's contents. Nesting is bounded before it comes here (`source.ts`). */
export function buildTree(node: Node | null): { tree: Tree; problems: readonly TextProblem[] } {
  const building: Building = { anchors: new Map(), problems: [] };
  const tree = build(node, 0, building);
  if (tree.size > MAX_VALUES) {
    const message = `the file holds ${tree.size} values, aliases expanded: at most ${MAX_VALUES} are allowed`;
    building.problems.push({ offset: 0, message, fatal: true });
  }
  return { tree, problems: building.problems };
}

/** The offset of what `path` leads to, or of the nearest thing above it that is there. */
export function offsetOf(root: Tree, path: Path, at: 'key' | 'value'): number {
  let tree = root;
  let keyOffset = root.offset;
  let offset = root.offset;
  let shift = root.shift ?? 0;
  for (const part of path) {
    // What may be a list and is written as its one item.
    if (part === 0 && tree.items === undefined) continue;
    const entry = typeof part === 'string' ? tree.entries?.get(part) : undefined;
    const next = typeof part === 'string' ? entry?.tree : tree.items?.[part];
    if (next === undefined) return keyOffset;
    keyOffset = (entry?.keyOffset ?? next.offset) + shift;
    offset = next.offset + shift;
    shift += next.shift ?? 0;
    tree = next;
  }
  return at === 'key' ? keyOffset : offset;
}

function build(node: unknown, emptyOffset: number, building: Building): Tree {
  if (isAlias(node)) return aliased(node.source, node.range?.[0] ?? emptyOffset, building);
  const anchor = isMap(node) || isSeq(node) || isScalar(node) ? node.anchor : undefined;
  if (anchor !== undefined) building.anchors.set(anchor, 'unfinished');
  const tree = withoutAnchor(node, emptyOffset, building);
  if (anchor !== undefined) building.anchors.set(anchor, tree);
  return tree;
}

function withoutAnchor(node: unknown, emptyOffset: number, building: Building): Tree {
  if (isMap(node)) return mapping(node.items, node.range?.[0] ?? emptyOffset, building);
  if (isSeq(node)) return sequence(node.items, node.range?.[0] ?? emptyOffset, building);
  // Where nothing stands after a key, its place is the key's.
  if (!isScalar(node) || node.value === null) return { value: null, offset: emptyOffset, size: 1 };
  return { value: node.value, offset: node.range?.[0] ?? emptyOffset, size: 1 };
}

function aliased(name: string, offset: number, building: Building): Tree {
  const target = building.anchors.get(name);
  if (target !== undefined && target !== 'unfinished') return target;
  const message =
    target === 'unfinished'
      ? `alias *${name} stands inside its own anchor &${name}: a value cannot contain itself`
      : `alias *${name} has no anchor: define &${name} before it`;
  building.problems.push({ offset, message });
  return { value: null, offset, size: 1 };
}

function mapping(pairs: readonly Pair[], offset: number, building: Building): Tree {
  const entries = new Map<string, Entry>();
  const value: Record<string, unknown> = {};
  let size = 1;
  for (const pair of pairs) {
    const keyOffset = (isScalar(pair.key) && pair.key.range?.[0]) || offset;
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const tree = build(pair.value, keyOffset, building);
    const problem = keyProblem(key, pair.key, entries);
    if (problem !== undefined) {
      building.problems.push({ offset: keyOffset, message: problem });
      continue;
    }
    entries.set(key, { keyOffset, tree });
    value[key] = tree.value;
    size += tree.size;
  }
  return { value, offset, size, entries };
}

function keyProblem(key: string, node: unknown, entries: ReadonlyMap<string, Entry>): string | undefined {
  if (isAlias(node)) return 'an alias cannot be a key: write the key itself';
  if (key === '') return 'a key is missing before the colon';
  // A plain object cannot hold it as an ordinary key.
  if (key === '__proto__') return 'the name __proto__ is reserved: choose another';
  if (key === '<<')
    return 'merge keys (<<) are not supported: repeat the keys, or use an alias for the whole value';
  if (entries.has(key)) return `key ${JSON.stringify(shorten(key))} is given twice: keep one of them`;
  return undefined;
}

function sequence(nodes: readonly unknown[], offset: number, building: Building): Tree {
  if (nodes.length > MAX_ITEMS) {
    const message = `a list of ${nodes.length} items: at most ${MAX_ITEMS} are allowed`;
    building.problems.push({ offset, message, fatal: true });
    return { value: [], offset, size: 1, items: [] };
  }
  const items = nodes.map((node) => build(node, offset, building));
  const size = items.reduce((sum, item) => sum + item.size, 1);
  return { value: items.map((item) => item.value), offset, size, items };
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
