/** YAML text → Config, or everything that is wrong with it. */
import type { Config } from '../model/config.ts';
import type { Problem } from '../model/problem.ts';
import { toConfig } from './convert/index.ts';
import { fillEmptySections } from './empty-sections.ts';
import type { Environment, Secret } from './environment.ts';
import { errorAt, type Finding } from './finding.ts';
import { linesOf } from './lines.ts';
import { findAll } from './rules/index.ts';
import { preparationFindings } from './rules/preparation.ts';
import { salvage } from './salvage.ts';
import { configShape } from './schema/index.ts';
import { parseSource } from './source.ts';
import { decodeText, type TextProblem } from './text.ts';
import { offsetOf, type Tree } from './tree.ts';
import { validate } from './validate.ts';

export interface Loaded {
  /** undefined when any problem is an error. */
  readonly config: Config | undefined;
  /** By their place in the file. */
  readonly problems: readonly Problem[];
}

/** Something at an offset of the text. */
type Placed = TextProblem & Pick<Problem, 'severity'>;

/** Nobody reads more, and a wrong file can hold one in every byte. */
const MAX_PROBLEMS = 1001;

/**
 * Reads a configuration: pure but for what `environment` reads, and never throws, whatever the input. `file` is only for
 * the problems' places. Pass a file's bytes as they are: a byte that is not UTF-8 is then a problem with a place like
 * any other.
 */
export function loadConfig(input: string | Uint8Array, file: string, environment: Environment): Loaded {
  const { text, problems: unreadable } = decodeText(input);
  if (unreadable.length > 0) return { config: undefined, problems: locate(asErrors(unreadable), text, file) };
  const { tree, problems: syntax } = parseSource(text);
  if (tree === undefined) return { config: undefined, problems: locate(asErrors(syntax), text, file) };
  const { config, findings } = syntax.some(isFatal) ? NOTHING : readTree(tree, onceEach(environment));
  const placed = [...asErrors(syntax), ...findings.map((finding) => placeFinding(finding, tree))];
  return { config: syntax.length > 0 ? undefined : config, problems: locate(placed, text, file) };
}

const NOTHING: { config: Config | undefined; findings: readonly Finding[] } = {
  config: undefined,
  findings: [],
};

/** Whether nothing more should be asked of the tree: expanding its aliases would never end. */
const isFatal = (problem: TextProblem): boolean => problem.fatal === true;

/** The rules and the conversion see the same secret, even if the file changes between them. */
function onceEach(environment: Environment): Environment {
  const secrets = new Map<string, Secret>();
  const readSecret = (path: string): Secret => {
    const secret = secrets.get(path) ?? environment.readSecret(path);
    secrets.set(path, secret);
    return secret;
  };
  return { ...environment, readSecret };
}

function readTree(tree: Tree, environment: Environment): typeof NOTHING {
  if (tree.value === null) {
    const message =
      'the file is empty: it needs virtual_routers, services or both (see the commented vipward.yaml)';
    return { config: undefined, findings: [errorAt([], message)] };
  }
  const { shape, findings, gaveUp } = validate(tree.value);
  if (gaveUp) {
    const last = findings.at(-1)?.path ?? [];
    const message = 'there are more problems than are shown: repair these first';
    return { config: undefined, findings: [...findings, errorAt(last, message)] };
  }
  const draft = shape ?? salvage(configShape, fillEmptySections(configShape, tree.value));
  const found = draft === undefined ? [] : findAll(draft, environment);
  const valid = shape !== undefined && found.every(({ severity }) => severity !== 'error');
  const config = valid ? toConfig(shape, environment) : undefined;
  const unprepared = config === undefined ? [] : preparationFindings(config);
  return { config, findings: [...findings, ...found, ...unprepared] };
}

const asErrors = (problems: readonly TextProblem[]): readonly Placed[] =>
  problems.map((problem) => ({ ...problem, severity: 'error' }));

const placeFinding = ({ severity, path, at, message }: Finding, tree: Tree): Placed => ({
  severity,
  message,
  offset: offsetOf(tree, path, at),
});

/** Errors first. */
const rank = ({ severity }: Placed): number => (severity === 'error' ? 0 : 1);

/** Sorted, each once (what an alias repeats is one mistake), and no more than anybody reads, errors before warnings. */
function locate(placed: readonly Placed[], text: string, file: string): readonly Problem[] {
  const positionOf = linesOf(text);
  const distinct = [
    ...new Map(placed.map((it) => [`${it.offset} ${it.severity} ${it.message}`, it])).values(),
  ];
  const toProblem = ({ offset, severity, message }: Placed): Problem => ({
    severity,
    file,
    ...positionOf(offset),
    message,
  });
  const important = distinct.sort((a, b) => rank(a) - rank(b) || a.offset - b.offset).slice(0, MAX_PROBLEMS);
  const problems = important.sort((a, b) => a.offset - b.offset).map(toProblem);
  const last = problems.at(-1);
  if (last === undefined || distinct.length <= MAX_PROBLEMS) return problems;
  const severity = problems.some((problem) => problem.severity === 'error') ? 'error' : 'warning';
  const more = `there are ${distinct.length - MAX_PROBLEMS} more problems than are shown: repair these first`;
  return [...problems, { ...last, severity, message: more }];
}
