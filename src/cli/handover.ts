/** `vipward handover`: the other director is made to take over, make before break. */
import { Command } from 'commander';
import { controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import type { HandoverOutcome } from '../model/router-status.ts';
import { printable } from './format/text.ts';
import { type Finish, jsonOption, runtimeDirOption } from './options.ts';
import { EXIT, printJson, printLines, type Terminal } from './terminal.ts';

export function handoverCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('handover')
    .description('have another director take over, without a gap, and wait until it has')
    .argument('[name...]', 'virtual routers; all of this director unless given')
    .option('--stay-down', 'keep this director a backup until `vipward resume`, whatever happens')
    .addOption(runtimeDirOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Without --stay-down this director does not preempt its successor, but takes over again when that one fails.
A virtual router of a sync group takes its whole group with it.
Exits with 1 when one of them was active and nobody took it over.`,
    )
    .action(async (names: string[], options: { runtimeDir: string; stayDown?: true; json?: true }) => {
      const client = controlClient(socketPath(options.runtimeDir));
      const { outcomes } = await client.handover({ names, stayDown: options.stayDown ?? false });
      if (options.json) printJson(terminal, { outcomes });
      else
        for (const outcome of outcomes)
          printLines(isGood(outcome) ? terminal.out : terminal.err, [text(outcome)]);
      finish(outcomes.every(isGood) ? EXIT.success : EXIT.failure);
    });
}

const isGood = ({ outcome }: HandoverOutcome): boolean =>
  outcome === 'handed-over' || outcome === 'not-active';

function text({ name, outcome, successor, reason }: HandoverOutcome): string {
  const what = printable(name);
  switch (outcome) {
    case 'handed-over':
      return `${what}: handed over to ${successor ?? 'another director'}`;
    case 'not-active':
      return `${what}: was not active here (${printable(reason)})`;
    case 'kept':
      return `${what}: STILL ACTIVE HERE: no other director took over (${printable(reason)})`;
    case 'unknown-name':
      return `${what}: there is no virtual router of this name`;
    default:
      return outcome satisfies never;
  }
}
