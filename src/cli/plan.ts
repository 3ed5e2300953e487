/** `vipward plan`: what a reload of a file would do, asked of the daemon, which does nothing. */
import { isUtf8 } from 'node:buffer';
import { Argument, Command } from 'commander';
import { controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import { isError } from '../model/problem.ts';
import { readConfigFile, textOf } from './config-file.ts';
import { formatPlan } from './format/plan.ts';
import { formatProblems, summarizeProblems } from './format/problems.ts';
import { styleFor } from './format/style.ts';
import { type Finish, jsonOption, runtimeDirOption } from './options.ts';
import { DEFAULT_CONFIG } from './run-line.ts';
import { EXIT, printJson, printLines, type Terminal } from './terminal.ts';

export function planCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('plan')
    .description('show what a reload of a file would do to addresses and table; changes nothing')
    .addArgument(new Argument('[file]', 'the configuration').default(DEFAULT_CONFIG))
    .addOption(runtimeDirOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExits with 1 when a reload would be refused.')
    .action(async (file: string, options: { runtimeDir: string; json?: true }) => {
      const text = await readText(file);
      const plan = await controlClient(socketPath(options.runtimeDir)).plan({ file, text });
      const bad = plan.problems.some(isError);
      if (options.json) {
        printJson(terminal, plan);
      } else {
        printLines(terminal.err, formatProblems(plan.problems, styleFor(terminal.colours.err), text));
        if (bad)
          printLines(terminal.err, [
            `${file}: a reload would be refused: ${summarizeProblems(plan.problems)}`,
          ]);
        else printLines(terminal.out, formatPlan(plan, styleFor(terminal.colours.out)));
      }
      finish(bad ? EXIT.failure : EXIT.success);
    });
}

/** The request carries text: bytes that are none would reach the daemon as others than a reload would find. */
async function readText(file: string): Promise<string> {
  const bytes = await readConfigFile(file);
  if (!isUtf8(bytes))
    throw new Error(`${file} is not UTF-8, a reload would be refused: vipward check shows where`);
  return textOf(bytes);
}
