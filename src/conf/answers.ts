/**
 * What a file was held against: everything that was asked of the machine while it was read, and what that answered.
 * The same bytes, read by the same program, mean the same for as long as these answers are the same.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Environment, InterfaceAddresses, ProgramFacts, Secret } from './environment.ts';

export interface Answers {
  readonly hostName: string;
  readonly interfaces: readonly InterfaceAddresses[];
  /** By what was asked for. */
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly fileProblems: ReadonlyMap<string, string | undefined>;
  readonly programs: ReadonlyMap<string, ProgramFacts>;
}

/** `environment`, and what it has answered so far. */
export function noted(environment: Environment): {
  readonly environment: Environment;
  readonly answers: Answers;
} {
  const secrets = new Map<string, Secret>();
  const fileProblems = new Map<string, string | undefined>();
  const programs = new Map<string, ProgramFacts>();
  const { hostName, interfaces } = environment;
  return {
    // Each of its members by name: what is not noted must not be asked.
    environment: {
      hostName,
      interfaces,
      readSecret: noting(secrets, environment.readSecret),
      fileProblem: noting(fileProblems, environment.fileProblem),
      inspectProgram: noting(programs, environment.inspectProgram),
    },
    answers: { hostName, interfaces, secrets, fileProblems, programs },
  };
}

/** Whether `environment` answers the same now. */
export function areStillTrue(answers: Answers, environment: Environment): boolean {
  const now = noted(environment);
  for (const path of answers.secrets.keys()) now.environment.readSecret(path);
  for (const path of answers.fileProblems.keys()) now.environment.fileProblem(path);
  for (const command of answers.programs.keys()) now.environment.inspectProgram(command);
  return isDeepStrictEqual(now.answers, answers);
}

const noting =
  <Answer>(answers: Map<string, Answer>, ask: (what: string) => Answer) =>
  (what: string): Answer => {
    const answer = ask(what);
    answers.set(what, answer);
    return answer;
  };
