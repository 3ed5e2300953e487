/** The tests of packet filters that can be told from outside, for both notations. */
import {
  type Family,
  familyOf,
  fullLength,
  type IpAddress,
  isWithin,
  type Prefix,
  parseAddress,
} from '../../model/address.ts';
import type { Answer, Hook, Probe, Test } from './ruleset.ts';

export const MAYBE: Test = () => 'maybe';

export const not =
  (test: Test): Test =>
  (probe) =>
    NEGATED[test(probe)];
const NEGATED: Readonly<Record<Answer, Answer>> = { yes: 'no', no: 'yes', maybe: 'maybe' };

const told = (value: boolean): Answer => (value ? 'yes' : 'no');

/** Some of the numbers of linux/in.h; a probe carries the name. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  1: 'icmp',
  4: 'ipip',
  ipencap: 'ipip',
  6: 'tcp',
  17: 'udp',
  41: 'ipv6',
  47: 'gre',
  58: 'ipv6-icmp',
  icmpv6: 'ipv6-icmp',
  112: 'vrrp',
  carp: 'vrrp',
  132: 'sctp',
};

export const protocolIs =
  (name: string): Test =>
  ({ protocol }) =>
    told(name === 'all' || name === '0' || (PROTOCOLS[name] ?? name) === protocol);

/** Of ARP: `request` or 1, `reply` or 2; nft and arptables write them in their own ways. */
export const arpOperationIs = (value: string): Test => {
  const operation = ARP_OPERATIONS[value.toLowerCase()];
  return operation === undefined ? () => 'no' : ({ protocol }) => told(protocol === `arp ${operation}`);
};
const ARP_OPERATIONS: Readonly<Record<string, string>> = {
  1: 'request',
  request: 'request',
  2: 'reply',
  reply: 'reply',
};

export const familyIs =
  (family: Family): Test =>
  (probe) =>
    told(probe.family === family);

/** What a packet has at each hook: the link that it came by, the one that it leaves by. */
const LINKS: Readonly<Record<Hook, readonly ('in' | 'out')[]>> = {
  prerouting: ['in'],
  input: ['in'],
  forward: ['in', 'out'],
  output: ['out'],
  // Of what passes through, newer kernels still know the first.
  postrouting: ['in', 'out'],
};

/** `eth*` and iptables' `eth+` stand for every name that begins so. */
export function linkIs(pattern: string, way: 'in' | 'out' = 'in'): Test {
  const start = /^(.*)[*+]$/.exec(pattern)?.[1];
  return ({ hook, link: known, out }) => {
    const link = hook === 'forward' && way === 'out' ? out : known;
    if (start === '') return 'yes';
    // What comes from outside does not come in by lo, and what goes there does not leave by it.
    if (!LINKS[hook].includes(way) || pattern === 'lo') return 'no';
    const isKnown =
      hook === 'forward' || way === (hook === 'output' || hook === 'postrouting' ? 'out' : 'in');
    if (link === undefined || !isKnown) return 'maybe';
    return told(start === undefined ? link === pattern : link.startsWith(start));
  };
}

/** A state of connection tracking, in either notation: `new`, `ESTABLISHED`. */
export const stateIs = (name: string): Test => {
  const asked = name.toLowerCase();
  return ({ state }) => (state === undefined ? 'maybe' : told(state === asked));
};

/** `text`: an address, with a length or a mask behind it or none. */
export function addressIs(which: 'source' | 'destination', text: string): Test {
  const prefix = toPrefix(text);
  if (prefix === undefined) return MAYBE;
  const family = familyOf(prefix.address);
  const single = prefix.length === fullLength(family);
  return (probe: Probe) => {
    if (probe.family !== family) return 'no';
    const address = probe[which];
    if (address === undefined) return prefix.length === 0 ? 'yes' : 'maybe';
    return told(single ? address === prefix.address : isWithin(address, prefix));
  };
}

function toPrefix(text: string): Prefix | undefined {
  const [host = '', mask] = text.split('/');
  const address: IpAddress | undefined = parseAddress(host);
  if (address === undefined) return undefined;
  const full = fullLength(familyOf(address));
  const length = mask === undefined ? full : maskLength(mask);
  return length === undefined || length > full ? undefined : { address, length };
}

/** `24` or `255.255.255.0`. */
function maskLength(mask: string): number | undefined {
  if (/^\d+$/.test(mask)) return Number(mask);
  const octets = mask.split('.').map(Number);
  if (octets.length !== 4) return undefined;
  const bits = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

export function portIs(which: 'sourcePort' | 'destinationPort', from: number, to: number): Test {
  return (probe) => {
    const port = probe[which];
    return port === undefined ? 'maybe' : told(port >= from && port <= to);
  };
}

export const anyOf =
  (tests: readonly Test[]): Test =>
  (probe) => {
    const answers = tests.map((test) => test(probe));
    if (answers.includes('yes')) return 'yes';
    return answers.includes('maybe') ? 'maybe' : 'no';
  };
