/** The options that name a real server and set it. Every function throws CommandLineError. */

import { MOST_WEIGHT } from '../model/ipvs-table.ts';
import type { Tunnel } from '../model/virtual-server.ts';
import { CommandLineError } from './command-line-error.ts';
import type { Draft } from './draft.ts';
import type { NameSource } from './names.ts';
import { readNumber } from './numbers.ts';
import type { OptionName } from './options.ts';
import { readServiceAddress } from './service-address.ts';

/** What the kernel takes, and the manual says; ipvsadm itself stops at 65535. */
const MOST_THRESHOLD = 0x7fffffff;

export async function readServer(draft: Draft, text: string, names: NameSource): Promise<void> {
  const found = await readServiceAddress(text, draft.protocol, names);
  if (found === undefined)
    throw new CommandLineError(`\`${text}' is no real server: 10.1.1.2:80, or [2001:db8::2]:80, or names`);
  draft.server = { address: found.address, port: found.port ?? draft.port };
}

/** Whether it was one of them. */
export function readServerOption(draft: Draft, name: OptionName, value: string): boolean {
  switch (name) {
    case 'gatewaying':
      draft.forwarding = 'dr';
      return true;
    case 'ipip':
      draft.forwarding = 'tun';
      return true;
    case 'masquerading':
      draft.forwarding = 'nat';
      return true;
    case 'weight':
      draft.weight = readNumber('a weight', value, 0, MOST_WEIGHT);
      return true;
    case 'u-threshold':
      draft.upperThreshold = readNumber('an upper threshold', value, 0, MOST_THRESHOLD);
      return true;
    case 'l-threshold':
      draft.lowerThreshold = readNumber('a lower threshold', value, 0, MOST_THRESHOLD);
      return true;
    case 'tun-type':
      draft.tunnelKind = readTunnelKind(value);
      return true;
    case 'tun-port':
      draft.tunnelPort = readNumber('a tunnel port', value, 1, 65535);
      return true;
    case 'tun-csum':
      draft.checksum = 'plain';
      return true;
    case 'tun-remcsum':
      draft.checksum = 'remote';
      return true;
    default:
      return false;
  }
}

function readTunnelKind(text: string): Tunnel['kind'] {
  if (text === 'ipip' || text === 'gue' || text === 'gre') return text;
  throw new CommandLineError(`a tunnel type is ipip, gue or gre, not \`${text}'`);
}
