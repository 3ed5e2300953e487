/** `vipward resume`: ends what `vipward handover` began. */
import { Command } from 'commander';
import { controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import { printable } from './format/text.ts';
import { type Finish, jsonOption, runtimeDirOption } from './options.ts';
import { EXIT, printJson, printLines, type Terminal } from './terminal.ts';

export function resumeCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('resume')
    .description('let virtual routers be active here again after `vipward handover`')
    .argument('[name...]', 'virtual routers; all of this director unless given')
    .addOption(runtimeDirOption())
    .addOption(jsonOption())
    .action(async (names: string[], options: { runtimeDir: string; json?: true }) => {
      const document = await controlClient(socketPath(options.runtimeDir)).resume({ names });
      if (options.json) printJson(terminal, document);
      else if (document.restored.length === 0) printLines(terminal.out, ['none of them was kept a backup']);
      else
        printLines(
          terminal.out,
          document.restored.map((name) => `${printable(name)}: may be active again`),
        );
      finish(EXIT.success);
    });
}
