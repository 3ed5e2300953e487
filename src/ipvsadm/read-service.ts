/** The options that name a virtual service and set it. Every function throws CommandLineError. */
import { type Family, familyOf, type IpAddress } from '../model/address.ts';
import { SERVICE_FLAG } from '../model/service-flags.ts';
import type { Protocol } from '../model/virtual-server.ts';
import { CommandLineError } from './command-line-error.ts';
import type { Draft, Granularity } from './draft.ts';
import type { NameSource } from './names.ts';
import { leadingNumber, MOST_TIMEOUT, readIpv4, readNumber } from './numbers.ts';
import type { Found } from './options.ts';
import { readServiceAddress } from './service-address.ts';

/** Seconds. ipvsadm's manual says 300; what it does is this (IPVS_SVC_PERSISTENT_TIMEOUT of its headers). */
const DEFAULT_PERSISTENCE = 360;
/** Letters that the kernel has room for (IP_VS_SCHEDNAME_MAXLEN, IP_VS_PENAME_MAXLEN); more are cut off. */
const SCHEDULER_LENGTH = 15;
const ENGINE_LENGTH = 16;

export async function readService(
  draft: Draft,
  protocol: Protocol,
  text: string,
  names: NameSource,
): Promise<void> {
  const found = await readServiceAddress(text, protocol, names);
  if (found === undefined)
    throw new CommandLineError(
      `\`${text}' is no virtual service: 10.1.1.254:80, or [2001:db8::fe]:80, or names`,
    );
  draft.protocol = protocol;
  draft.family = familyOf(found.address);
  draft.address = found.address;
  draft.port = found.port ?? 0;
  if (draft.family === 'ipv6') draft.netmask = { granularity: 128 };
}

/** IPv4, and whatever comes before the service: a mask with dots; IPv6: the length of a prefix. */
export async function readNetmask(
  family: Family | undefined,
  text: string,
  names: NameSource,
): Promise<Granularity> {
  if (family === 'ipv6') {
    const granularity = leadingNumber(text);
    if (granularity < 1 || granularity > 128)
      throw new CommandLineError(`an IPv6 netmask is 1 to 128, not \`${text}'`);
    return { granularity };
  }
  const mask = readIpv4(text) ?? (await names.addressOf(text));
  if (mask === undefined) throw new CommandLineError(`\`${text}' is no netmask such as 255.255.255.0`);
  return granularityOf(mask);
}

function granularityOf(mask: IpAddress): Granularity {
  const bits = mask
    .split('.')
    .map((byte) => Number(byte).toString(2).padStart(8, '0'))
    .join('');
  const granularity = bits.replaceAll('0', '').length;
  return /^1*0*$/.test(bits) ? { granularity } : { granularity, mask };
}

/** Whether it was one of them. */
export function readServiceOption(draft: Draft, option: Found): boolean {
  const { value = '' } = option;
  switch (option.name) {
    case 'fwmark-service':
      draft.family = 'ipv4';
      // Whose names of ports those of the real server are.
      draft.protocol = 'tcp';
      draft.mark = readNumber('a firewall mark', value, 1, 0xffffffff);
      return true;
    case 'ipv6':
      if (draft.mark === undefined) throw new CommandLineError('-6 belongs behind -f MARK');
      draft.family = 'ipv6';
      draft.netmask = { granularity: 128 };
      return true;
    case 'scheduler':
      draft.scheduler = value.slice(0, SCHEDULER_LENGTH);
      return true;
    case 'sched-flags':
      draft.schedulerFlags = value;
      return true;
    case 'persistent':
      draft.flags |= SERVICE_FLAG.persistent;
      draft.timeout =
        option.value === undefined
          ? DEFAULT_PERSISTENCE
          : readNumber('a persistence time-out in seconds', value, 1, MOST_TIMEOUT);
      return true;
    case 'ops':
      draft.flags |= SERVICE_FLAG.onePacket;
      return true;
    case 'pe':
      draft.engine = value.slice(0, ENGINE_LENGTH);
      return true;
    default:
      return false;
  }
}
