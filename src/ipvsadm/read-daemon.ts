/** The options of the daemon that synchronises connections. */
import { type IpAddress, isMulticast, parseAddress } from '../model/address.ts';
import { CommandLineError } from './command-line-error.ts';
import type { Draft } from './draft.ts';
import { readNumber } from './numbers.ts';
import type { OptionName } from './options.ts';

/** Letters that the kernel has room for (IP_VS_IFNAME_MAXLEN); more are cut off. */
const LINK_LENGTH = 15;

/** Any other option only says how to list, and has done so by being there. Throws CommandLineError. */
export function readDaemonOption({ daemon }: Draft, name: OptionName, value: string): void {
  switch (name) {
    case 'mcast-interface':
      daemon.interface = value.slice(0, LINK_LENGTH);
      return;
    case 'syncid':
      daemon.syncId = readNumber('a sync id', value, 0, 255);
      return;
    case 'mcast-group':
      daemon.group = readGroup(value);
      return;
    case 'mcast-port':
      daemon.port = readNumber('a multicast port', value, 1, 65535);
      return;
    case 'mcast-ttl':
      daemon.ttl = readNumber('a multicast TTL', value, 1, 255);
      return;
    case 'sync-maxlen':
      daemon.maxLength = readNumber('a length of sync messages', value, 1, 65507);
      return;
    default:
  }
}

function readGroup(text: string): IpAddress {
  const group = parseAddress(text);
  if (group === undefined || !isMulticast(group))
    throw new CommandLineError(`\`${text}' is no multicast address such as 224.0.0.81 or ff02::81`);
  return group;
}
