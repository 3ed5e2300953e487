/** zod's issues in words that an administrator understands. */
import type * as z from 'zod';
import { errorAt, errorAtKey, type Finding, lastKey, type Path, pathText } from './finding.ts';
import { nearest } from './nearest.ts';
import { knownKeys } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;

/** Every issue as a finding; `root` is what was validated, and `schema` what it was held against. */
export function explain(
  issues: readonly Issue[],
  schema: z.core.$ZodType,
  root: unknown,
): readonly Finding[] {
  return issues.flatMap((issue) => explainIssue(issue, [], schema, root));
}

function explainIssue(issue: Issue, base: Path, schema: z.core.$ZodType, root: unknown): readonly Finding[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], knownKeys(schema, path)));
    case 'invalid_key': {
      const expected = issue.issues[0]?.message ?? issue.message;
      return [errorAtKey(path, `expected ${expected}, not ${describe(path.at(-1), undefined)}`)];
    }
    case 'invalid_union':
      return explainUnion(issue, path, schema, root);
    default:
      return [unexpected(issue, path, root)];
  }
}

/**
 * Where a value has the right container for one branch (a list, say), what is wrong lies inside it; where it is of the
 * right type for one, that one says best what is wrong.
 */
function explainUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  schema: z.core.$ZodType,
  root: unknown,
): readonly Finding[] {
  const branches = branchesOf(issue).filter((branch) => branch.length > 0);
  const inside =
    branches.find((branch) => branch.every((nested) => nested.path.length > 0 || isUnknownKey(nested))) ??
    branches.find((branch) => branch.every(({ code }) => OF_RIGHT_TYPE.includes(code)));
  if (inside === undefined) return [unexpected(issue, path, root)];
  return inside.flatMap((nested) => explainIssue(nested, path, schema, root));
}

/** A branch that is itself a union of the same value stands for its own branches. */
const branchesOf = ({ errors }: z.core.$ZodIssueInvalidUnion): readonly (readonly Issue[])[] =>
  errors.flatMap((branch) => {
    const [only, ...others] = branch;
    const isUnion = only?.code === 'invalid_union' && only.path.length === 0 && others.length === 0;
    return isUnion ? branchesOf(only) : [branch];
  });

const OF_RIGHT_TYPE: readonly Issue['code'][] = ['invalid_format', 'too_big', 'too_small', 'custom'];

/** Found in the container, but said of the container's own path. */
const isUnknownKey = ({ code }: Issue): boolean => code === 'unrecognized_keys';

function unexpected(issue: Issue, path: Path, root: unknown): Finding {
  const value = valueAt(root, path);
  if (value === undefined) {
    const parent = path.slice(0, -1);
    const where = parent.length === 0 ? '' : `${pathText(parent)}: `;
    return errorAtKey(parent, `${where}missing key ${quote(path.at(-1))}: ${issue.message}`);
  }
  const label = path.length === 0 ? '' : `${lastKey(path)}: `;
  const wanted = issue.code === 'invalid_type' ? issue.expected : undefined;
  return errorAt(path, `${label}expected ${issue.message}, not ${describe(value, wanted)}`);
}

function unknownKey(path: Path, known: readonly string[]): Finding {
  const key = String(path.at(-1));
  const near = nearest(key, known);
  const parent = path.slice(0, -1);
  const where = parent.length === 0 ? 'here' : `in ${pathText(parent)}`;
  const advice = near === undefined ? `known ${where}: ${known.join(', ')}` : `did you mean ${quote(near)}?`;
  const nothing = known.length === 0 ? 'remove it, nothing is known here' : advice;
  return errorAtKey(path, `unknown key ${quote(key)}: ${nothing}`);
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/** What was found, in words; where the wrong one of text and number was found, it is called by its kind. */
function describe(value: unknown, wanted: string | undefined): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  switch (typeof value) {
    case 'number':
      return wanted === 'string' ? `the bare number ${value}` : String(value);
    case 'string':
      return wanted === 'number' || wanted === 'int' ? `the text ${quote(value)}` : quote(value);
    case 'object':
      return 'a mapping';
    default:
      return String(value);
  }
}

function quote(value: unknown): string {
  const text = String(value);
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}
