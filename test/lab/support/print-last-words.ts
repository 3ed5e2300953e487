/** Loaded by vitest before every file whose tests may start daemons: what these said last is printed when a test fails. */
import { afterAll, afterEach, beforeEach } from 'vitest';
import { forgetTheEnded, lastWords } from './last-words.ts';

async function print(of: string): Promise<void> {
  const words = await lastWords();
  if (words !== '') process.stderr.write(`\n${of} failed.\n${words}\n\n`);
}

beforeEach(forgetTheEnded);
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await print(task.name);
});
// Where the test failed before its first case, in a hook: what a case has told already is not told again.
// biome-ignore lint/correctness/noEmptyPattern: vitest takes nothing else for the context.
afterAll(async ({}, suite) => {
  if (suite.result?.state === 'fail') await print(suite.name);
});
