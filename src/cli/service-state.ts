/** `vipward disable`, `vipward enable` and `vipward weight`. */
import { Argument, Command } from 'commander';
import type { Finish } from './options.ts';
import { addressed, ask, type OverrideOptions, parseWeight, reasonOption } from './override.ts';
import { EXIT, type Terminal } from './terminal.ts';

export function disableCommand(terminal: Terminal, finish: Finish): Command {
  return addressed(new Command('disable'))
    .description('take a real server out of the table at once, with the connections that it has')
    .addOption(reasonOption())
    .addHelpText(
      'after',
      `
It stays out, also across restarts and reloads, until vipward enable. Behind the scheduler mh it stays in the table
with weight 0, since a removal would move other clients too.`,
    )
    .action(async (service: string, server: string, options: OverrideOptions) => {
      await ask(terminal, { service, server, action: 'disable' }, options);
      finish(EXIT.success);
    });
}

export function enableCommand(terminal: Terminal, finish: Finish): Command {
  return addressed(new Command('enable'))
    .description('end vipward drain, disable or weight: a real server is as in the file again')
    .addHelpText(
      'after',
      '\nIt takes traffic when it is healthy. Also forgets one that is not in the file any more.',
    )
    .action(async (service: string, server: string, options: OverrideOptions) => {
      await ask(terminal, { service, server, action: 'enable' }, options);
      finish(EXIT.success);
    });
}

export function weightCommand(terminal: Terminal, finish: Finish): Command {
  return addressed(new Command('weight'))
    .addArgument(
      new Argument('<weight>', '0 to 2147483647; 0 takes no new connections').argParser(parseWeight),
    )
    .description('give a real server another weight than the file does')
    .addOption(reasonOption())
    .addHelpText('after', '\nIt holds across restarts and reloads, until vipward enable.')
    .action(async (service: string, server: string, weight: number, options: OverrideOptions) => {
      await ask(terminal, { service, server, action: 'weight', weight }, options);
      finish(EXIT.success);
    });
}
