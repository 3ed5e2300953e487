/** `vipward handover`: the other director is made to take over, make before break. */
import { Command } from 'commander';
import { type ControlClient, controlClient } from '../control/client.ts';
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
      else {
        for (const outcome of outcomes)
          printLines(isGood(outcome) ? terminal.out : terminal.err, [text(outcome)]);
        printLines(terminal.out, await resumeLines(client, outcomes));
      }
      finish(outcomes.every(isGood) ? EXIT.success : EXIT.failure);
    });
}

const isGood = ({ outcome }: HandoverOutcome): boolean =>
  outcome === 'handed-over' || outcome === 'not-active';

/** Who hands over what is a backup already may want the opposite, where an earlier command keeps it one. */
async function resumeLines(
  client: Pick<ControlClient, 'status'>,
  outcomes: readonly HandoverOutcome[],
): Promise<readonly string[]> {
  const names = outcomes.flatMap(({ name, outcome }) => (outcome === 'not-active' ? [name] : []));
  if (names.length === 0) return [];
  // The hand-over is done; that nobody can say more of it is no failure of it.
  const status = await client.status().catch(() => undefined);
  const kept = (status?.virtualRouters ?? []).filter(({ name, standby }) => standby && names.includes(name));
  return kept.map(
    ({ name }) =>
      `${printable(name)}: stays a backup here by \`vipward handover --stay-down\`; ` +
      `to have it take part again: vipward resume ${printable(name)}`,
  );
}

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
