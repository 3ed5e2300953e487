/** Reads one option after another into a draft. */
import { CommandLineError } from './command-line-error.ts';
import type { Draft } from './draft.ts';
import type { NameSource } from './names.ts';
import type { Found, OptionName } from './options.ts';
import { readDaemonOption } from './read-daemon.ts';
import { readServer, readServerOption } from './read-server.ts';
import { readNetmask, readService, readServiceOption } from './read-service.ts';

/** Options for one and the same thing. */
const RIVALS: readonly (readonly OptionName[])[] = [
  ['tcp-service', 'udp-service', 'sctp-service', 'fwmark-service'],
  ['gatewaying', 'ipip', 'masquerading'],
];
const REPEATABLE: readonly OptionName[] = ['sort', 'ipv6'];

/** Throws CommandLineError. */
export async function readOption(draft: Draft, option: Found, names: NameSource): Promise<void> {
  noteSeen(draft.seen, option.name);
  const value = option.value ?? '';
  switch (option.name) {
    case 'tcp-service':
      return await readService(draft, 'tcp', value, names);
    case 'udp-service':
      return await readService(draft, 'udp', value, names);
    case 'sctp-service':
      return await readService(draft, 'sctp', value, names);
    case 'real-server':
      return await readServer(draft, value, names);
    case 'netmask':
      draft.netmask = await readNetmask(draft.family, value, names);
      return;
    default:
      if (!readServiceOption(draft, option) && !readServerOption(draft, option.name, value))
        readDaemonOption(draft, option.name, value);
  }
}

/** Of several options for one thing, one may be given, once. */
function noteSeen(seen: Set<OptionName>, name: OptionName): void {
  const rivals = RIVALS.find((group) => group.includes(name)) ?? [name];
  const rival = rivals.find((each) => seen.has(each));
  if (rival !== undefined && !REPEATABLE.includes(name))
    throw new CommandLineError(
      rival === name ? `--${name} is given twice` : `--${name} after --${rival}: there can be one of them`,
    );
  seen.add(name);
}
