/** `vipward run`: the daemon, in the foreground. */
import { Command } from 'commander';
import type { Finish, RunManager } from './options.ts';
import { DEFAULT_CONFIG, DEFAULT_RUNTIME_DIR, DEFAULT_STATE_DIR, type RunOptions } from './run-line.ts';

export function runCommand(runManager: RunManager, finish: Finish): Command {
  return new Command('run')
    .description('run the daemon in the foreground, for systemd or a terminal')
    .option('--config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--runtime-dir <dir>', 'where the control socket is made', DEFAULT_RUNTIME_DIR)
    .option('--state-dir <dir>', 'where what outlives a reboot is kept', DEFAULT_STATE_DIR)
    .option('--record <file>', 'write the events of VRRP there, to be replayed by developers')
    .addHelpText(
      'after',
      '\nSIGHUP reloads the configuration; SIGTERM and SIGINT hand over and end.\nExits with 78 when the file is refused.',
    )
    .action(async (options: RunOptions) => finish(await runManager(options)));
}
