/** YAML text → Config, or everything that is wrong with it. */
import type { Config } from '../model/config.ts';
import type { Problem } from '../model/problem.ts';
import { toConfig } from './convert.ts';
import { fillEmptySections } from './empty-sections.ts';
import type { Environment } from './environment.ts';
import { explain } from './explain.ts';
import { errorAt, type Finding } from './finding.ts';
import { linesOf } from './lines.ts';
import { findAll } from './rules/index.ts';
import { salvage } from './salvage.ts';
import { configShape } from './schema.ts';
import { parseSource } from './source.ts';
import { decodeText, type TextProblem } from './text.ts';
import { offsetOf, type Tree } from './tree.ts';

export interface Loaded {
  /** undefined when any problem is an error. */
  readonly config: Config | undefined;
  /** By their place in the file. */
  readonly problems: readonly Problem[];
}

/** Something at an offset of the text. */
type Placed = TextProblem & Pick<Problem, 'severity'>;

/** Nobody reads more, and a wrong file can hold one in every byte. */
const MAX_PROBLEMS = 1000;

/**
 * Reads a configuration: pure, and never throws, whatever the input. `file` is only for the problems' places.
 * Pass a file's bytes as they are: a byte that is not UTF-8 is then a problem with a place like any other.
 */
export function loadConfig(input: string | Uint8Array, file: string, environment: Environment): Loaded {
  const { text, problems: unreadable } = decodeText(input);
  if (unreadable.length > 0) return { config: undefined, problems: locate(asErrors(unreadable), text, file) };
  const { tree, problems: syntax } = parseSource(text);
  if (tree === undefined) return { config: undefined, problems: locate(asErrors(syntax), text, file) };
  const { config, findings } = syntax.some(isFatal) ? NOTHING : readTree(tree, environment);
  const placed = [...asErrors(syntax), ...findings.map((finding) => placeFinding(finding, tree))];
  return { config: syntax.length > 0 ? undefined : config, problems: locate(placed, text, file) };
}

const NOTHING: { config: Config | undefined; findings: readonly Finding[] } = {
  config: undefined,
  findings: [],
};

/** Whether nothing more should be asked of the tree: expanding its aliases would never end. */
const isFatal = (problem: TextProblem): boolean => problem.fatal === true;

function readTree(tree: Tree, environment: Environment): typeof NOTHING {
  if (tree.value === null) {
    const message =
      'the file is empty: it needs virtual_routers, services or both (see the commented vipward.yaml)';
    return { config: undefined, findings: [errorAt([], message)] };
  }
  const value = fillEmptySections(configShape, tree.value);
  const result = configShape.safeParse(value);
  if (result.success) {
    const findings = findAll(result.data, environment);
    const valid = findings.every(({ severity }) => severity !== 'error');
    return { config: valid ? toConfig(result.data, environment.hostName) : undefined, findings };
  }
  const rest = salvage(configShape, value);
  const found = rest === undefined ? [] : findAll(rest, environment);
  return { config: undefined, findings: [...explain(result.error, configShape, value), ...found] };
}

const asErrors = (problems: readonly TextProblem[]): readonly Placed[] =>
  problems.map((problem) => ({ ...problem, severity: 'error' }));

const placeFinding = ({ severity, path, at, message }: Finding, tree: Tree): Placed => ({
  severity,
  message,
  offset: offsetOf(tree, path, at),
});

/** Sorted, each once (what an alias repeats is one mistake), and no more than anybody reads. */
function locate(placed: readonly Placed[], text: string, file: string): readonly Problem[] {
  const positionOf = linesOf(text);
  const sorted = [...placed].sort((a, b) => a.offset - b.offset);
  const distinct = new Map(sorted.map((problem) => [`${problem.offset} ${problem.message}`, problem]));
  const problems = [...distinct.values()]
    .slice(0, MAX_PROBLEMS)
    .map(({ offset, severity, message }): Problem => ({ severity, file, ...positionOf(offset), message }));
  const last = problems.at(-1);
  if (last === undefined || distinct.size <= MAX_PROBLEMS) return problems;
  const message = `and ${distinct.size - MAX_PROBLEMS} more problems: repair these first`;
  return [...problems, { ...last, severity: 'error', message }];
}
