/** Holds a whole file against its shape, one virtual router and one service at a time. */
import type * as z from 'zod';
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

/**
 * Entry by entry, because zod hands its issues upwards as the arguments of a call: a file with half a million
 * mistakes would overflow the stack.
 */
export function validate(value: unknown): Validated {
  const findings: Finding[] = [];
  const parts: ConfigShape[] = [];
  for (const part of split(value)) {
    const result = configShape.safeParse(part);
    if (result.success) parts.push(result.data);
    else findings.push(...explain(cut(result.error), configShape, part).slice(0, ENOUGH));
    if (findings.length >= ENOUGH) {
      return { shape: undefined, findings: findings.slice(0, ENOUGH), gaveUp: true };
    }
  }
  return { shape: findings.length > 0 ? undefined : join(parts), findings, gaveUp: false };
}

/** First everything but the entries of the sections, then each entry as a file of its own. */
function* split(value: unknown): Generator<unknown> {
  if (!isMapping(value)) return yield value;
  yield SECTIONS.reduce((frame, path) => (isMapping(at(frame, path)) ? put(frame, path, {}) : frame), value);
  for (const path of SECTIONS) {
    const section = at(value, path);
    if (!isMapping(section)) continue;
    for (const [name, entry] of Object.entries(section)) yield put({}, path, { [name]: entry });
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

function join(parts: readonly ConfigShape[]): ConfigShape | undefined {
  const [frame, ...entries] = parts;
  if (frame === undefined) return undefined;
  const all = <Entry>(section: (part: ConfigShape) => Readonly<Record<string, Entry>>) =>
    Object.fromEntries(entries.flatMap((part) => Object.entries(section(part))));
  return {
    ...frame,
    virtual_routers: all((part) => part.virtual_routers),
    sync_groups: all((part) => part.sync_groups),
    track: {
      scripts: all((part) => part.track.scripts),
      processes: all((part) => part.track.processes),
      files: all((part) => part.track.files),
      gateways: all((part) => part.track.gateways),
    },
    services: all((part) => part.services),
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
