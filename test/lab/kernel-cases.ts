/** Cases that a program plays on a node of the lab, as results of vitest. */
import { expect, it } from 'vitest';
import type { Node } from './support/node.ts';

interface Played {
  readonly name: string;
  readonly error?: string;
}

/** Runs the program, which prints a line of JSON for each case, and gives them and what it wrote beside. */
export async function play(
  node: Node,
  program: string,
): Promise<{ played: readonly Played[]; notes: string }> {
  const { code, stdout, stderr } = await node.exec(['node', program], { timeout: 240_000 });
  const played = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Played);
  if (code !== 0) played.push({ name: program, error: `exit code ${code}\n${stderr}` });
  return { played, notes: stderr };
}

/** One test for each name: it fails with the case's own error, or because the case was never played. */
export function expectCases(names: readonly string[], result: () => readonly Played[]): void {
  for (const name of names)
    it(name, () => {
      const found = result().find((played) => played.name === name);
      if (found?.error !== undefined) throw new Error(found.error);
      expect(found, `never played; failures: ${failures(result())}`).toBeDefined();
    });
}

const failures = (played: readonly Played[]): string =>
  played
    .filter(({ error }) => error !== undefined)
    .map(({ name, error }) => `${name}: ${error}`)
    .join('\n');
