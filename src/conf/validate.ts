/** Holds a whole file against its shape, one virtual router and one service at a time. */
import type * as z from 'zod';
import { fillEmptySections } from './empty-sections.ts';
import { explain } from './explain.ts';
import type { Finding } from './finding.ts';
import { isMapping } from './mapping.ts';
import { type ConfigShape, configShape } from './schema/index.ts';

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
  /** The entry as it came from the parser. */
  readonly entry?: { readonly name: string; readonly value: unknown };
}

interface Shaped {
  readonly section: Section | undefined;
  readonly name: string | undefined;
  readonly shape: ConfigShape;
}

/** By their values: files that are read one after the other share those that are the same in both (`blocks.ts`). */
const known = new WeakMap<object, Shaped>();

/**
 * Entry by entry, because zod hands its issues upwards as the arguments of a call: a file with half a million
 * mistakes would overflow the stack. Sections that the file leaves empty are filled (`empty-sections.ts`).
 */
export function validate(value: unknown): Validated {
  const findings: Finding[] = [];
  const parts: Shaped[] = [];
  for (const part of split(value)) {
    const result = validatePart(part);
    if ('shape' in result) parts.push(result);
    else findings.push(...result.findings);
    if (findings.length >= ENOUGH) {
      return { shape: undefined, findings: findings.slice(0, ENOUGH), gaveUp: true };
    }
  }
  return { shape: findings.length > 0 ? undefined : join(parts), findings, gaveUp: false };
}

function validatePart({ section, value, entry }: Part): Shaped | { readonly findings: readonly Finding[] } {
  const identity = isMapping(entry?.value) ? entry.value : undefined;
  const before = identity && known.get(identity);
  // An alias is the same value under another name, the same text perhaps in another section.
  if (before !== undefined && before.section === section && before.name === entry?.name) return before;
  const filled = fillEmptySections(configShape, value);
  const result = configShape.safeParse(filled);
  if (!result.success) return { findings: explain(cut(result.error), configShape, filled).slice(0, ENOUGH) };
  const shaped = { section, name: entry?.name, shape: result.data };
  if (identity !== undefined) known.set(identity, shaped);
  return shaped;
}

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
  const [frame, ...entries] = parts;
  if (frame === undefined) return undefined;
  const bySection = Map.groupBy(entries, ({ section }) => section);
  const all = <Entry>(section: Section, of: (shape: ConfigShape) => Readonly<Record<string, Entry>>) =>
    Object.fromEntries((bySection.get(section) ?? []).flatMap(({ shape }) => Object.entries(of(shape))));
  const [routers, groups, scripts, processes, files, gateways, services] = SECTIONS;
  return {
    ...frame.shape,
    virtual_routers: all(routers, (shape) => shape.virtual_routers),
    sync_groups: all(groups, (shape) => shape.sync_groups),
    track: {
      scripts: all(scripts, (shape) => shape.track.scripts),
      processes: all(processes, (shape) => shape.track.processes),
      files: all(files, (shape) => shape.track.files),
      gateways: all(gateways, (shape) => shape.track.gateways),
    },
    services: all(services, (shape) => shape.services),
  };
}

/** A mapping may have any number of unknown keys in one issue. */
function cut(error: z.ZodError): readonly z.core.$ZodIssue[] {
  return error.issues
    .slice(0, ENOUGH)
    .map((issue) =>
      issue.code === 'unrecognized_keys' ? { ...issue, keys: issue.keys.slice(0, ENOUGH) } : issue,
    );
}
