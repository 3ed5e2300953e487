/** `vipward reload`: the daemon reads its configuration again, and says what came of it. */
import { Command } from 'commander';
import { controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import { formatReload } from './format/plan.ts';
import { formatProblems } from './format/problems.ts';
import { styleFor } from './format/style.ts';
import { type Finish, jsonOption, runtimeDirOption } from './options.ts';
import { EXIT, printJson, printLines, type Terminal } from './terminal.ts';

export function reloadCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('reload')
    .description('have the daemon read its configuration again; a bad file changes nothing')
    .addOption(runtimeDirOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExits with 1 when the file was refused.')
    .action(async (options: { runtimeDir: string; json?: true }) => {
      const reload = await controlClient(socketPath(options.runtimeDir)).reload();
      const { out, err, colours } = terminal;
      if (options.json) {
        printJson(terminal, reload);
      } else {
        printLines(err, formatProblems(reload.problems, styleFor(colours.err)));
        if (reload.applied) printLines(out, formatReload(reload, styleFor(colours.out)));
        else printLines(err, formatReload(reload, styleFor(colours.err)));
      }
      finish(reload.applied ? EXIT.success : EXIT.failure);
    });
}
