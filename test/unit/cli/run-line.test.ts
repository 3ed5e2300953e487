import { describe, expect, test } from 'vitest';
import { runCommand } from '../../../src/cli/run.ts';
import { plainRunOptions, type RunOptions } from '../../../src/cli/run-line.ts';

/** What the parser of the command line makes of it. */
async function parsed(argv: readonly string[]): Promise<RunOptions | undefined> {
  let options: RunOptions | undefined;
  const command = runCommand(
    (given) => {
      options = given;
      return Promise.resolve(0);
    },
    () => undefined,
  );
  await command.parseAsync(argv.slice(1), { from: 'user' });
  return options;
}

describe('run, read without the parser', () => {
  test.each([
    [['run']],
    [['run', '--config', '/a/b.yaml']],
    [['run', '--state-dir', '/s', '--runtime-dir', '/r', '--config', 'c', '--record', '/e']],
    [['run', '--config', '/first', '--config', '/last']],
  ])('%j means the same', async (argv) => {
    const plain = plainRunOptions(argv);
    expect(plain).toEqual(await parsed(argv));
    expect(plain).toBeDefined();
  });

  test.each([
    [[]],
    [['check']],
    [['run', '--help']],
    [['run', '--config']],
    [['run', '--config=/a']],
    [['run', '--config', '']],
    [['run', '--config', '--record', 'x', 'y']],
    [['run', '--conf', '/a']],
    [['run', 'surplus', 'words']],
  ])('%j is left to it', (argv) => {
    expect(plainRunOptions(argv)).toBeUndefined();
  });
});
