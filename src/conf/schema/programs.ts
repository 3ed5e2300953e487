/** Programs of the administrator's: what is run, as whom, and at which change of state. */
import * as z from 'zod';
import { duration } from '../duration.ts';
import { filePath, flag, pattern } from '../fields.ts';
import { phrase } from '../phrase.ts';

const argument = z
  .string({ error: phrase('an argument, in quotes where it looks like a number') })
  .regex(/^[^\0]{0,4096}$/, { error: phrase('an argument of at most 4096 characters') });

const words = (example: string) => ({
  error: phrase(`a program such as ${example}, or a list of it and its arguments such as [${example}, -v]`),
});

/** The program's path: a blank in it is far more often the beginning of arguments. */
const program = (example: string) =>
  pattern(
    /^\/[^\0\s]{1,4095}$/,
    `the path of a program such as ${example}; with arguments it is a list such as [${example}, -v]`,
  );

const withArguments = (example: string) =>
  z
    .tuple([filePath(example)], argument, words(example))
    .meta({ minItems: 1 })
    .transform((list): readonly string[] => list);

/** A path, or a list that begins with one. */
export const command = (example: string) =>
  z.union(
    [program(example).transform((path): readonly string[] => [path]), withArguments(example)],
    words(example),
  );

const account = (expected: string) => pattern(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$/, expected);

export const runAs = {
  user: account('the name of a user such as nobody')
    .optional()
    .describe('As whom it runs. Default: root, where nobody else can change the program.'),
  group: account('the name of a group such as nogroup')
    .optional()
    .describe("As which group it runs. Default: the user's own."),
};

const EXAMPLE = '/etc/vipward/notify.sh';
const SCRIPT = `a program such as ${EXAMPLE}, a list of it and its arguments, or a mapping of command, user, group and timeout`;
const usual = { user: undefined, group: undefined, timeout: '60s' };

const scriptMapping = z.strictObject({
  command: command(EXAMPLE).describe('The program, or a list of it and its arguments.'),
  ...runAs,
  timeout: duration({ least: '100ms', most: '1h' })
    .prefault(usual.timeout)
    .describe('After which it is killed.'),
});

/** The short forms are read as the mapping with its defaults. */
const asScript = (value: readonly string[]) => scriptMapping.parse({ command: [...value] });

const script = z
  .union([program(EXAMPLE), withArguments(EXAMPLE), scriptMapping], { error: phrase(SCRIPT) })
  .transform((value) => {
    if (typeof value === 'string') return asScript([value]);
    return 'command' in value ? value : asScript(value);
  });

const states = z.strictObject({
  all: script.optional().describe('Run at every change of state.'),
  active: script.optional().describe('Run when it becomes active.'),
  backup: script.optional().describe('Run when it becomes a backup.'),
  fault: script.optional().describe('Run when it falls into FAULT.'),
  stop: script.optional().describe('Run when it stops.'),
  mail: flag()
    .prefault(false)
    .describe('Whether mail is sent at every change of state (see the section mail).'),
});

/** Called with `INSTANCE|GROUP NAME MASTER|BACKUP|FAULT|STOP PRIORITY`, as keepalived does. */
export const notify = z
  .union([program(EXAMPLE), withArguments(EXAMPLE), states], {
    error: phrase(
      'a program, a list of it and its arguments, or a mapping of all, active, backup, fault, stop and mail',
    ),
  })
  .transform((value) => {
    if (typeof value === 'string') return { all: asScript([value]), mail: false };
    return 'mail' in value ? value : { all: asScript(value), mail: false };
  });

/** Of a virtual server. */
export const quorumNotify = z.strictObject(
  {
    quorum_up: script.optional().describe('Run when the quorum is reached.'),
    quorum_down: script.optional().describe('Run when the quorum is lost.'),
  },
  { error: phrase('a mapping of quorum_up and quorum_down') },
);
