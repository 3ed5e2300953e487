/** What a draft comes to, once it is read to its end. Every function throws CommandLineError. */
import { familyOf } from '../model/address.ts';
import type { TableKey, TableRealServer, TableSettings } from '../model/ipvs-table.ts';
import { SCHEDULER_FLAG_BITS, SERVICE_FLAG } from '../model/service-flags.ts';
import { SCHEDULER_FLAGS } from '../model/virtual-server.ts';
import { keyFamily } from '../netlink/ipvs/service.ts';
import type { Columns, IpvsadmCommand, ListFormat } from './command.ts';
import { CommandLineError } from './command-line-error.ts';
import type { Draft } from './draft.ts';
import { checkTunnel } from './legality.ts';
import type { OptionName } from './options.ts';

const DEFAULT_SCHEDULER = 'wlc';

export const hasService = ({ mark, address }: Draft): boolean => mark !== undefined || address !== undefined;

export function keyOf({ mark, family = 'ipv4', protocol = 'tcp', address, port }: Draft): TableKey {
  if (mark !== undefined) return { kind: 'mark', mark, family };
  if (address === undefined) throw new CommandLineError('there is no virtual service');
  return { kind: 'address', protocol, address, port };
}

export function settingsOf(draft: Draft, key: TableKey): TableSettings {
  const { netmask, timeout, engine } = draft;
  const scheduler = draft.scheduler || DEFAULT_SCHEDULER;
  const flags = draft.flags | schedulerBits(scheduler, draft.schedulerFlags);
  if (key.kind === 'address') {
    if (key.port === 0 && (flags & SERVICE_FLAG.persistent) === 0)
      throw new CommandLineError('a virtual service of every port (0) needs --persistent');
    if (key.protocol !== 'udp' && (flags & SERVICE_FLAG.onePacket) !== 0)
      throw new CommandLineError('--ops is for UDP and for firewall marks');
  }
  return { scheduler, flags, timeout, ...netmask, engine };
}

function schedulerBits(scheduler: string, text: string): number {
  if (text === '') return 0;
  const names = text.split(',').filter((name) => name !== '');
  if (names.length === 0) throw new CommandLineError(`\`${text}' names no scheduler flag`);
  return names.reduce((bits, name) => bits | schedulerBit(scheduler, name), 0);
}

function schedulerBit(scheduler: string, name: string): number {
  const flag = SCHEDULER_FLAGS.find((each) => each === name);
  if (flag === undefined)
    throw new CommandLineError(`\`${name}' is no scheduler flag: ${SCHEDULER_FLAGS.join(', ')}`);
  const [owner = ''] = flag.split('-', 1);
  if (owner !== 'flag' && owner !== scheduler)
    throw new CommandLineError(`${flag} is a flag of the scheduler ${owner}, not of ${scheduler}`);
  return SCHEDULER_FLAG_BITS[flag];
}

/** A real server to be added or changed. */
export function realServerOf(draft: Draft): TableRealServer {
  const server = namedServer(draft);
  const { forwarding, weight, upperThreshold, lowerThreshold, seen } = draft;
  const key = keyOf(draft);
  if (forwarding !== 'tun' && familyOf(server.address) !== keyFamily(key))
    throw new CommandLineError('a real server of the other family needs --ipip, a tunnel');
  checkTunnel(draft.tunnelKind, forwarding === 'tun', seen);
  const tunnel = { kind: draft.tunnelKind, port: draft.tunnelPort, checksum: draft.checksum };
  return {
    ...server,
    // The packet keeps its port under dr and tun, whatever the line says.
    port: key.kind === 'address' && forwarding !== 'nat' ? key.port : server.port,
    forwarding,
    weight,
    upperThreshold,
    lowerThreshold,
    ...(tunnel.kind !== 'ipip' && { tunnel }),
  };
}

/** A real server by its address and port. */
export function namedServer({ server }: Draft): TableRealServer {
  if (server === undefined) throw new CommandLineError('there is no real server');
  return { ...server, forwarding: 'dr', weight: 0, upperThreshold: 0, lowerThreshold: 0 };
}

export function listing(draft: Draft): IpvsadmCommand {
  const { seen } = draft;
  const format = formatOf(seen);
  if (seen.has('connection'))
    return { kind: 'list-connections', numeric: format.numeric, persistent: seen.has('persistent-conn') };
  if (hasService(draft)) return { kind: 'list', key: keyOf(draft), format };
  if (seen.has('timeout')) return { kind: 'list-timeouts' };
  if (seen.has('daemon')) return { kind: 'list-daemons' };
  return { kind: 'list', key: undefined, format };
}

/** Of several, the first of these is shown. */
const COLUMNS: readonly (readonly [OptionName, Columns])[] = [
  ['stats', 'stats'],
  ['rate', 'rate'],
  ['thresholds', 'thresholds'],
  ['persistent-conn', 'persistent'],
  ['tun-info', 'tunnels'],
];

export const formatOf = (seen: ReadonlySet<OptionName>): ListFormat => ({
  columns: COLUMNS.find(([option]) => seen.has(option))?.[1] ?? 'connections',
  numeric: seen.has('numeric'),
  exact: seen.has('exact'),
  sorted: !seen.has('nosort'),
});
