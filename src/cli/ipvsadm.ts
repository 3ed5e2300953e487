/**
 * `vipward ipvsadm`: ipvsadm's own commands. Their options are not commander's to read: `-h`, `-v`, `-S` and the like
 * mean what they mean to ipvsadm.
 */
import { Command } from 'commander';
import type { Terminal } from './terminal.ts';

export const IPVSADM = 'ipvsadm';

/** Carries out what comes after `vipward ipvsadm` and gives the exit code: ipvsadm's own. */
export async function ipvsadm(argv: readonly string[], terminal: Terminal): Promise<number> {
  // Native calls that no other command needs.
  const world = await import('./ipvsadm-world.ts');
  return await world.ipvsadm(argv, terminal);
}

/** For the list of commands: the command line itself is handed over before commander sees it. */
export const ipvsadmCommand = (): Command =>
  new Command(IPVSADM)
    .description("ipvsadm 1.31's commands on the kernel's table, with the same output")
    .argument('[arguments...]')
    .helpOption(false)
    .addHelpText('after', '\nSee vipward ipvsadm --help for what it takes.');
