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

const SECTIONS = ['virtual_routers', 'sync_groups', 'services'] as const;

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
  const sections = SECTIONS.filter((section) => isMapping(value[section]));
  yield { ...value, ...Object.fromEntries(sections.map((section) => [section, {}])) };
  for (const section of sections) {
    for (const [name, entry] of Object.entries(value[section] ?? {})) yield { [section]: { [name]: entry } };
  }
}

function join(parts: readonly ConfigShape[]): ConfigShape | undefined {
  const [frame, ...entries] = parts;
  if (frame === undefined) return undefined;
  return {
    ...frame,
    virtual_routers: Object.fromEntries(entries.flatMap((part) => Object.entries(part.virtual_routers))),
    sync_groups: Object.fromEntries(entries.flatMap((part) => Object.entries(part.sync_groups))),
    services: Object.fromEntries(entries.flatMap((part) => Object.entries(part.services))),
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
