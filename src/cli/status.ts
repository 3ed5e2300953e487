/** `vipward status`: how the director stands. */
import { Command } from 'commander';
import { controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import { formatStatus } from './format/status.ts';
import { styleFor } from './format/style.ts';
import { wrapLine } from './format/wrap.ts';
import { type Finish, jsonOption, runtimeDirOption } from './options.ts';
import { EXIT, printJson, printLines, type Terminal } from './terminal.ts';

interface Options {
  readonly runtimeDir: string;
  readonly json?: true;
  readonly verbose?: true;
}

export function statusCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('status')
    .description('show virtual routers, virtual servers and their real servers')
    .addOption(runtimeDirOption())
    .option('--verbose', 'show the counters too, and lists as long as they are')
    .addOption(jsonOption())
    .addHelpText('after', '\nExits with 0 when the daemon answers, however it stands.')
    .action(async (options: Options) => {
      const status = await controlClient(socketPath(options.runtimeDir)).status();
      const style = styleFor(terminal.colours.out);
      const view = { style, now: Date.now(), verbose: options.verbose === true };
      if (options.json) printJson(terminal, status);
      else {
        const { columns = Number.POSITIVE_INFINITY } = terminal;
        printLines(
          terminal.out,
          formatStatus(status, view).flatMap((line) => wrapLine(line, columns)),
        );
      }
      finish(EXIT.success);
    });
}
