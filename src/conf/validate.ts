/** Holds a whole file against its shape, one virtual router and one service at a time. */
import * as z from 'zod';
import { fillEmptySections } from './empty-sections.ts';
import { explain } from './explain.ts';
import type { Finding } from './finding.ts';
import { isMapping } from './mapping.ts';
import { type ConfigShape, configShape } from './schema/index.ts';
import { schemaAt } from './schema-walk.ts';

export interface Validated {
  /** undefined when anything is wrong with the shape. */
  readonly shape: ConfigShape | undefined;
  readonly findings: readonly Finding[];
  /** Whether there was so much wrong that the rest was not looked at. */
  readonly gaveUp: boolean;
}

/** After so many findings the file is junk. */
const ENOUGH = 1000;

/** Mappings of names that people choose, each entry of which can be read by itself. */
const SECTIONS = [
  ['virtual_routers'],
  ['sync_groups'],
  ['track', 'scripts'],
  ['track', 'processes'],
  ['track', 'files'],
  ['track', 'gateways'],
  ['services'],
] as const;
type Section = (typeof SECTIONS)[number];

/** A file of a single entry, or, without a section, one of everything else. */
interface Part {
  readonly section: Section | undefined;
  readonly value: unknown;
  readonly entry?: Entry;
}

/** An entry as it came from the parser. */
interface Entry {
  readonly name: string;
  readonly value: unknown;
}

/** What was found right of a part: the entry alone under its name, or the shape of everything else. */
type Shaped =
  | { readonly section: undefined; readonly shape: ConfigShape }
  | { readonly section: Section; readonly name: string; readonly entries: Mapping };

/** By their values: files that are read one after the other share those that are the same in both (`blocks.ts`). */
const known = new WeakMap<object, Shaped & { readonly section: Section }>();

/** What the entries of each section are held against, with their names. */
const RECORDS: ReadonlyMap<Section, z.core.$ZodType | undefined> = new Map(
  SECTIONS.map((section) => [section, schemaAt(configShape, section)]),
);

/**
 * Entry by entry, because zod hands its issues upwards as the arguments of a call: a file with half a million
 * mistakes would overflow the stack. Sections that the file leaves empty are filled (`empty-sections.ts`).
 */
export function validate(value: unknown): Validated {
  const findings: Finding[] = [];
  const parts: Shaped[] = [];
  for (const part of split(value)) {
    const result = validatePart(part);
    if ('findings' in result) findings.push(...result.findings);
    else parts.push(result);
    if (findings.length >= ENOUGH) {
      return { shape: undefined, findings: findings.slice(0, ENOUGH), gaveUp: true };
    }
  }
  return { shape: findings.length > 0 ? undefined : join(parts), findings, gaveUp: false };
}

function validatePart(part: Part): Shaped | { readonly findings: readonly Finding[] } {
  const { section, value, entry } = part;
  if (section === undefined || entry === undefined) return validateWhole(part);
  const identity = isMapping(entry.value) ? entry.value : undefined;
  const before = identity && known.get(identity);
  // An alias is the same value under another name, the same text perhaps in another section.
  if (before !== undefined && before.section === section && before.name === entry.name) return before;
  const shaped = validateEntry(section, entry) ?? validateWhole({ section, value, entry });
  if (identity !== undefined && 'entries' in shaped) known.set(identity, shaped);
  return shaped;
}

/**
 * Against the schema of its section alone, which leaves the rest of an empty file out. undefined: it is wrong, or has
 * empty sections to be filled.
 */
function validateEntry(
  section: Section,
  { name, value }: Entry,
): (Shaped & { section: Section }) | undefined {
  const record = RECORDS.get(section);
  if (record === undefined || hasNull(value)) return undefined;
  const result = z.safeParse(record, { [name]: value });
  return result.success ? { section, name, entries: result.data as Mapping } : undefined;
}

function validateWhole({ section, value, entry }: Part): Shaped | { readonly findings: readonly Finding[] } {
  const filled = fillEmptySections(configShape, value);
  const result = configShape.safeParse(filled);
  if (!result.success) return { findings: explain(cut(result.error), configShape, filled).slice(0, ENOUGH) };
  if (section === undefined || entry === undefined) return { section: undefined, shape: result.data };
  return { section, name: entry.name, entries: at(result.data, section) as Mapping };
}

const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some(hasNull));

/** First everything but the entries of the sections, then each entry as a file of its own. */
function* split(value: unknown): Generator<Part> {
  if (!isMapping(value)) return yield { section: undefined, value };
  const frame = SECTIONS.reduce(
    (rest, path) => (isMapping(at(rest, path)) ? put(rest, path, {}) : rest),
    value,
  );
  yield { section: undefined, value: frame };
  for (const section of SECTIONS) {
    const entries = at(value, section);
    if (!isMapping(entries)) continue;
    for (const [name, entry] of Object.entries(entries))
      yield { section, value: put({}, section, { [name]: entry }), entry: { name, value: entry } };
  }
}

type Mapping = Readonly<Record<string, unknown>>;

const at = (root: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (isMapping(value) ? value[key] : undefined), root);

/** `root` with `value` where `path` leads. */
function put(root: Mapping, [key = '', ...rest]: readonly string[], value: unknown): Mapping {
  const inner = root[key];
  return { ...root, [key]: rest.length === 0 ? value : put(isMapping(inner) ? inner : {}, rest, value) };
}

function join(parts: readonly Shaped[]): ConfigShape | undefined {
  const frame = parts.find((part) => part.section === undefined)?.shape;
  if (frame === undefined) return undefined;
  const bySection = new Map<Section, Record<string, unknown>>();
  for (const part of parts) {
    if (part.section === undefined) continue;
    const entries = bySection.get(part.section) ?? {};
    bySection.set(part.section, Object.assign(entries, part.entries));
  }
  const [routers, groups, scripts, processes, files, gateways, services] = SECTIONS;
  const all = <Entries>(section: Section) => (bySection.get(section) ?? {}) as Entries;
  return {
    ...frame,
    virtual_routers: all<ConfigShape['virtual_routers']>(routers),
    sync_groups: all<ConfigShape['sync_groups']>(groups),
    track: {
      scripts: all<Trackers['scripts']>(scripts),
      processes: all<Trackers['processes']>(processes),
      files: all<Trackers['files']>(files),
      gateways: all<Trackers['gateways']>(gateways),
    },
    services: all<ConfigShape['services']>(services),
  };
}

type Trackers = ConfigShape['track'];

/** A mapping may have any number of unknown keys in one issue. */
function cut(error: z.ZodError): readonly z.core.$ZodIssue[] {
  return error.issues
    .slice(0, ENOUGH)
    .map((issue) =>
      issue.code === 'unrecognized_keys' ? { ...issue, keys: issue.keys.slice(0, ENOUGH) } : issue,
    );
}
