/** The tests of packet filters that can be told from outside, for both notations. */
import { familyOf, type IpAddress, isWithin, type Prefix, parseAddress } from '../../model/address.ts';
import type { Answer, Probe, Test } from './ruleset.ts';

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
  112: 'vrrp',
  carp: 'vrrp',
  132: 'sctp',
};

export const protocolIs =
  (name: string): Test =>
  ({ protocol }) =>
    told(name === 'all' || name === '0' || (PROTOCOLS[name] ?? name) === protocol);

/** `eth*` and iptables' `eth+` stand for every name that begins so. */
export function linkIs(pattern: string): Test {
  const start = /^(.*)[*+]$/.exec(pattern)?.[1];
  return ({ link }) => {
    if (link === undefined) return 'maybe';
    return told(start === undefined ? link === pattern : link.startsWith(start));
  };
}

export function addressIs(which: 'source' | 'destination', text: string): Test {
  const prefix = toPrefix(text);
  return (probe: Probe) => {
    const address = probe[which];
    if (address === undefined || prefix === undefined) return 'maybe';
    return told(familyOf(address) === familyOf(prefix.address) && isWithin(address, prefix));
  };
}

function toPrefix(text: string): Prefix | undefined {
  const [host = '', mask] = text.split('/');
  const address: IpAddress | undefined = parseAddress(host);
  if (address === undefined) return undefined;
  const full = familyOf(address) === 'ipv4' ? 32 : 128;
  const length = mask === undefined ? full : maskLength(mask);
  return length === undefined ? undefined : { address, length };
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
