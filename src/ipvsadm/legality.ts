/** Which options go with which command, and with each other. */
import type { Tunnel } from '../model/virtual-server.ts';
import { CommandLineError } from './command-line-error.ts';
import type { CommandName, OptionName } from './options.ts';

interface Rule {
  /** One of each group must be there. */
  readonly required?: readonly (readonly OptionName[])[];
  readonly allowed?: readonly OptionName[];
  /** One of them at most. */
  readonly exclusive?: readonly OptionName[];
}

const SERVICE: readonly OptionName[] = ['tcp-service', 'udp-service', 'sctp-service', 'fwmark-service'];
const SETTINGS: readonly OptionName[] = ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags'];
const CHECKSUMS: readonly OptionName[] = ['tun-nocsum', 'tun-csum', 'tun-remcsum'];
const TUNNEL: readonly OptionName[] = ['tun-type', 'tun-port', ...CHECKSUMS];
const SERVER: readonly OptionName[] = [
  'gatewaying',
  'ipip',
  'masquerading',
  'weight',
  'u-threshold',
  'l-threshold',
  ...TUNNEL,
];
const COLUMNS: readonly OptionName[] = ['stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'];
/** Say nothing by themselves, and go with everything. */
const EVERYWHERE: readonly OptionName[] = ['sort', 'ipv6'];

const RULES: Readonly<Record<CommandName, Rule>> = {
  'add-service': { required: [SERVICE], allowed: SETTINGS },
  'edit-service': { required: [SERVICE], allowed: SETTINGS },
  'delete-service': { required: [SERVICE] },
  clear: {},
  list: {
    allowed: ['numeric', 'nosort', 'exact', 'syncid', ...COLUMNS],
    exclusive: ['connection', 'timeout', 'daemon', ...SERVICE],
  },
  zero: { allowed: SERVICE },
  'add-server': { required: [SERVICE, ['real-server']], allowed: SERVER },
  'edit-server': { required: [SERVICE, ['real-server']], allowed: SERVER },
  'delete-server': { required: [SERVICE, ['real-server']] },
  set: {},
  help: {},
  version: {},
  restore: {},
  save: { allowed: ['numeric'] },
  'start-daemon': {
    allowed: ['syncid', 'sync-maxlen', 'mcast-interface', 'mcast-group', 'mcast-port', 'mcast-ttl'],
  },
  'stop-daemon': { allowed: ['syncid'] },
};

const named = (options: readonly OptionName[]): string => options.map((option) => `--${option}`).join(' or ');

/** Throws CommandLineError. */
export function checkOptions(command: CommandName, seen: ReadonlySet<OptionName>): void {
  const { required = [], allowed = [], exclusive = [] } = RULES[command];
  for (const group of required)
    if (!group.some((option) => seen.has(option)))
      throw new CommandLineError(`--${command} needs ${named(group)}`);
  const known = new Set([...required.flat(), ...allowed, ...exclusive, ...EVERYWHERE]);
  for (const option of seen)
    if (!known.has(option)) throw new CommandLineError(`--${option} does not go with --${command}`);
  checkExclusive(exclusive, seen, `--${command}`);
  if (command === 'list') checkListing(seen);
}

function checkExclusive(group: readonly OptionName[], seen: ReadonlySet<OptionName>, where: string): void {
  const given = group.filter((option) => seen.has(option));
  if (given.length > 1)
    throw new CommandLineError(
      `${given.map((option) => `--${option}`).join(' and ')} do not go together with ${where}`,
    );
}

/** Neither connections, time-outs nor daemons have columns of the table. */
function checkListing(seen: ReadonlySet<OptionName>): void {
  const counted = (['stats', 'rate', 'thresholds'] as const).find((option) => seen.has(option));
  const other = (['connection', 'timeout', 'daemon'] as const).find((option) => seen.has(option));
  const columns =
    counted ?? (other !== 'connection' && seen.has('persistent-conn') ? 'persistent-conn' : undefined);
  if (columns !== undefined && other !== undefined)
    throw new CommandLineError(`--${other} has no --${columns}`);
}

/** Throws CommandLineError for options that a tunnel of this kind has not, or lacks. */
export function checkTunnel(kind: Tunnel['kind'], isTunnel: boolean, seen: ReadonlySet<OptionName>): void {
  const given = TUNNEL.filter((option) => seen.has(option));
  if (given.length > 0 && !isTunnel)
    throw new CommandLineError(`${named(given.slice(0, 1))} needs --ipip, the forwarding method of tunnels`);
  const has: Readonly<Record<Tunnel['kind'], readonly OptionName[]>> = {
    ipip: [],
    gue: ['tun-port', ...CHECKSUMS],
    gre: ['tun-nocsum', 'tun-csum'],
  };
  for (const option of given)
    if (option !== 'tun-type' && !has[kind].includes(option))
      throw new CommandLineError(`--${option} does not go with the tunnel type ${kind}`);
  if (kind === 'gue' && !seen.has('tun-port'))
    throw new CommandLineError('the tunnel type gue needs --tun-port');
  checkExclusive(CHECKSUMS, seen, `the tunnel type ${kind}`);
}
