/** `vipward drain`: a real server gets no new connections, and leaves the table when it has finished those it has. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../conf/duration.ts';
import type { OverrideDocument } from '../model/status.ts';
import { drained, type End } from './drain-wait.ts';
import { printable } from './format/text.ts';
import type { Finish } from './options.ts';
import { addressed, ask, type OverrideOptions, reasonOption } from './override.ts';
import { EXIT, printLines, type Terminal } from './terminal.ts';

interface Options extends OverrideOptions {
  readonly timeout: number;
  readonly wait: boolean;
}

export function drainCommand(terminal: Terminal, finish: Finish): Command {
  return addressed(new Command('drain'))
    .description('let a real server finish its connections, then take it out of the table')
    .addOption(
      new Option('--timeout <time>', 'cut off what is left after this time: 30s, 5m, 2h')
        .argParser(parseTimeout)
        .default(300_000, '5m'),
    )
    .addOption(reasonOption())
    .option('--no-wait', 'return at once; vipward status shows how it goes')
    .addHelpText(
      'after',
      `
It gets weight 0, and leaves when its active and inactive connections are gone or the time is over; behind the
scheduler mh it stays with weight 0, since a removal would move other clients too. It stays out, also across restarts
and reloads, until vipward enable.
Under persistence, weight 0 still takes clients that have been there before; with
ipvs: { sysctl: { expire_quiescent_template: 1 } } they go elsewhere at once.
Exits with 1 when connections had to be cut off, when somebody ended the drain, when the real server left the file, or
when the IPVS table cannot be reached.`,
    )
    .action(async (service: string, server: string, options: Options) => {
      const request = { service, server, action: 'drain', timeout: options.timeout } as const;
      const { client, document } = await ask(terminal, request, options);
      if (!options.wait) return finish(EXIT.success);
      const { text, good } = outcome(document, await drained(client, document));
      printLines(good && !options.json ? terminal.out : terminal.err, [text]);
      finish(good ? EXIT.success : EXIT.failure);
    });
}

function parseTimeout(text: string): number {
  const time = parseDuration(text);
  if (time === undefined) throw new InvalidArgumentError('A time is a number with a unit: 30s, 5m, 2h.');
  return time;
}

function outcome(
  { service, server }: OverrideDocument,
  end: End,
): { readonly text: string; readonly good: boolean } {
  const what = `real server ${server} of ${service}`;
  switch (end.kind) {
    case 'ended-by-another':
      return { text: `${what}: somebody ended the drain`, good: false };
    case 'unreachable':
      return {
        text: `${what}: nobody can tell when it is drained: ${printable(end.why)}; it is drained when the table can be reached, until vipward enable`,
        good: false,
      };
    case 'left-the-file':
      return {
        text: `${what}: it left the file before it was drained; when it comes back, it drains on`,
        good: false,
      };
    case 'over': {
      const { cutOff = 0 } = end.status;
      return cutOff === 0
        ? { text: `${what}: drained, no connection was left`, good: true }
        : { text: `${what}: the time was over, ${cutOff} connections were cut off`, good: false };
    }
    default:
      return end satisfies never;
  }
}
