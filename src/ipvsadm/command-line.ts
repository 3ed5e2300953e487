/** Command lines of ipvsadm 1.31: which mean something, and what. */
import type { TableOperation } from '../model/ipvs-table.ts';
import type { DaemonRole } from '../netlink/ipvs/daemon.ts';
import type { ConnectionTimeouts } from '../netlink/ipvs/timeouts.ts';
import { formatOf, hasService, keyOf, listing, namedServer, realServerOf, settingsOf } from './build.ts';
import type { IpvsadmCommand } from './command.ts';
import { CommandLineError, IPVSADM_EXIT } from './command-line-error.ts';
import { type Draft, newDraft } from './draft.ts';
import { checkOptions } from './legality.ts';
import type { NameSource } from './names.ts';
import { MOST_TIMEOUT, readNumber } from './numbers.ts';
import { COMMANDS, type CommandName, type Found, scan } from './options.ts';
import { readOption } from './read-option.ts';

const DEFAULT_LINK = 'eth0';

/** Reads a command line, without the name of the program. Throws CommandLineError. */
export async function readCommandLine(argv: readonly string[], names: NameSource): Promise<IpvsadmCommand> {
  if (argv.length === 0) return { kind: 'list', key: undefined, format: formatOf(new Set()) };
  const { options, words, problem } = scan(argv);
  const [first, ...rest] = options;
  const command = COMMANDS.find((name) => name === first?.name);
  if (first === undefined || command === undefined)
    throw new CommandLineError(
      `${problem ?? 'a command comes first'} (see vipward ipvsadm --help)`,
      IPVSADM_EXIT.refused,
    );
  const role = roleOf(first);
  const draft = newDraft();
  for (const option of rest) {
    const second = COMMANDS.find((name) => name === option.name);
    if (second !== undefined)
      throw new CommandLineError(`--${second} after --${command}: one command a line`);
    await readOption(draft, option, names);
  }
  if (problem !== undefined) throw new CommandLineError(problem, IPVSADM_EXIT.refused);
  return complete(command, role, draft, words);
}

function complete(
  command: CommandName,
  role: DaemonRole,
  draft: Draft,
  words: readonly string[],
): IpvsadmCommand {
  const [timeouts, extra] = command === 'set' ? timeoutsIn(words) : [NO_TIMEOUTS, words[0]];
  if (extra !== undefined) throw new CommandLineError(`\`${extra}' is one argument too many`);
  const { seen } = draft;
  if (command !== 'help' && command !== 'version') checkOptions(command, seen);
  switch (command) {
    case 'clear':
      return { kind: 'flush' };
    case 'zero':
      return { kind: 'zero', key: hasService(draft) ? keyOf(draft) : undefined };
    case 'set':
      return { kind: 'set-timeouts', timeouts };
    case 'start-daemon':
      return { kind: 'start-daemon', spec: { interface: DEFAULT_LINK, syncId: 0, ...draft.daemon, role } };
    case 'stop-daemon':
      return { kind: 'stop-daemon', role };
    case 'list':
      return listing(draft);
    case 'save':
      return { kind: 'save', numeric: seen.has('numeric') };
    case 'restore':
    case 'help':
    case 'version':
      return { kind: command };
    default:
      return { kind: 'change', operation: changeOf(command, draft) };
  }
}

const NO_TIMEOUTS: ConnectionTimeouts = { tcp: 0, tcpFin: 0, udp: 0 };

/** The time-outs of --set, and the word behind them, if there is one. */
function timeoutsIn(words: readonly string[]): readonly [ConnectionTimeouts, string | undefined] {
  if (words.length < 3)
    throw new CommandLineError('--set needs three time-outs in seconds: tcp, tcpfin and udp');
  const [tcp = 0, tcpFin = 0, udp = 0] = words
    .slice(0, 3)
    .map((text) => readNumber('a time-out', text, 0, MOST_TIMEOUT));
  return [{ tcp, tcpFin, udp }, words[3]];
}

type ChangeName = Extract<CommandName, `${string}-service` | `${string}-server`>;

function changeOf(command: ChangeName, draft: Draft): TableOperation {
  const key = keyOf(draft);
  switch (command) {
    case 'add-service':
      return { op: 'add-virtual-server', key, settings: settingsOf(draft, key) };
    case 'edit-service': {
      const settings = settingsOf(draft, key);
      return { op: 'edit-virtual-server', key, settings, was: settings };
    }
    case 'delete-service':
      return { op: 'remove-virtual-server', key };
    case 'add-server':
      return { op: 'add-real-server', key, realServer: realServerOf(draft) };
    case 'edit-server': {
      const realServer = realServerOf(draft);
      return { op: 'edit-real-server', key, realServer, was: realServer };
    }
    case 'delete-server':
      return { op: 'remove-real-server', key, realServer: namedServer(draft) };
    default:
      return command satisfies never;
  }
}

/** Of --start-daemon and --stop-daemon; of no meaning to other commands. */
function roleOf({ name, value }: Found): DaemonRole {
  if (value === 'master' || value === 'backup') return value;
  if (name !== 'start-daemon' && name !== 'stop-daemon') return 'master';
  throw new CommandLineError(`--${name} takes master or backup, not \`${value ?? ''}'`);
}
