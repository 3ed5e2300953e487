/** What the commands share by which an operator takes real servers out of service and brings them back. */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { OverrideDemand } from '../control/api.ts';
import { type ControlClient, controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import { MOST_WEIGHT } from '../model/ipvs-table.ts';
import type { Override } from '../model/override.ts';
import type { OverrideDocument } from '../model/status.ts';
import { indent, printable } from './format/text.ts';
import { jsonOption, runtimeDirOption } from './options.ts';
import { printJson, printLines, type Terminal } from './terminal.ts';

export interface OverrideOptions {
  readonly runtimeDir: string;
  readonly reason?: string;
  readonly json?: true;
}

/** The arguments and options that all of them have. */
export const addressed = (command: Command): Command =>
  command
    .addArgument(new Argument('<service>', 'its name in the configuration'))
    .addArgument(new Argument('<real-server>', '10.1.1.2:80, or its address where there is one alone'))
    .addOption(runtimeDirOption())
    .addOption(jsonOption());

export const reasonOption = (): Option =>
  new Option('--reason <text>', 'why, for those who look at vipward status');

/** Asks the daemon, and prints what it did. */
export async function ask(
  terminal: Terminal,
  request: Omit<OverrideDemand, 'sudoUser' | 'reason'>,
  options: OverrideOptions,
): Promise<{ readonly client: ControlClient; readonly document: OverrideDocument }> {
  const client = controlClient(socketPath(options.runtimeDir));
  const document = await client.override({ ...request, sudoUser: sudoUser(), reason: options.reason });
  if (options.json) printJson(terminal, document);
  else printLines(terminal.out, outcomeLines(request.action, document));
  return { client, document };
}

/** Who is behind sudo; who asks otherwise is known to the daemon better than to us. */
const sudoUser = (): string | undefined => process.env.SUDO_USER || undefined;

function outcomeLines(action: OverrideDemand['action'], document: OverrideDocument): string[] {
  const what = `real server ${document.server} of ${document.service}`;
  return [
    `${what}: ${outcomeText(action, document)}`,
    ...indent(changeLines(document.changes), 2),
    ...document.notes.map((note) => `  note: ${printable(note)}`),
    ...(document.tableUnavailable === undefined
      ? []
      : [`  the IPVS table cannot be changed: ${printable(document.tableUnavailable)}`]),
  ];
}

/** One that serves a range of ports changes in each of them. */
const MOST_CHANGES = 20;

function changeLines(changes: readonly string[]): readonly string[] {
  const rest = changes.length - MOST_CHANGES;
  const shown = changes.slice(0, MOST_CHANGES).map(printable);
  return rest > 0 ? [...shown, `and ${rest} more changes`] : shown;
}

/** Whoever puts something else in the place of what a colleague said is told so. */
function outcomeText(action: OverrideDemand['action'], { override, was }: OverrideDocument): string {
  const before = was === undefined ? '' : ` (was: ${wasText(was)})`;
  switch (action) {
    case 'drain':
      return `${override?.drainedAt === undefined ? 'draining' : 'drained'}${before}`;
    case 'disable':
      return `disabled${before}`;
    case 'weight':
      return `weight ${override?.weight} until vipward enable${before}`;
    case 'enable':
      return was === undefined ? 'unchanged' : `as in the file again${before}`;
    default:
      return action satisfies never;
  }
}

const wasText = ({ action, weight, by, reason }: Override): string =>
  `${action}${action === 'weight' ? ` ${weight}` : ''} by ${printable(by)}${reason === undefined ? '' : `: ${printable(reason)}`}`;

/** For commander: throws InvalidArgumentError. */
export function parseWeight(text: string): number {
  const weight = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (weight <= MOST_WEIGHT) return weight;
  throw new InvalidArgumentError(`A weight is 0 to ${MOST_WEIGHT}.`);
}
