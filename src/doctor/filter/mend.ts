/** The command that lets a packet through a chain, as the program that keeps the chain takes it. Pure. */
import type { Chain, Probe } from './ruleset.ts';

/** A rule that accepts what is like `probe`, at the head of `chain`. */
export function passCommand({ place: { program, family, table, name } }: Chain, probe: Probe): string {
  if (program === 'nft') return `nft insert rule ${family} ${table} ${name} ${nftMatch(probe)} accept`;
  const ofTable = table === 'filter' ? '' : `-t ${table} `;
  return `${program} ${ofTable}-I ${name} ${iptablesMatch(probe)} -j ACCEPT`;
}

/** By number, since not every host has /etc/protocols. */
const NUMBERS: Readonly<Record<string, number>> = { vrrp: 112, ipip: 4, ipv6: 41, gre: 47 };
const numbered = (protocol: string): string => String(NUMBERS[protocol] ?? protocol);

const leaves = ({ hook }: Probe): boolean => hook === 'output' || hook === 'postrouting';

function nftMatch(probe: Probe): string {
  const { family, link, source, destination, protocol, sourcePort, destinationPort } = probe;
  const ip = family === 'ipv4' ? 'ip' : 'ip6';
  return [
    ...(link === undefined ? [] : [`${leaves(probe) ? 'oifname' : 'iifname'} ${link}`]),
    ...(source === undefined ? [] : [`${ip} saddr ${source}`]),
    ...(destination === undefined ? [] : [`${ip} daddr ${destination}`]),
    ...(sourcePort === undefined && destinationPort === undefined
      ? [`meta l4proto ${numbered(protocol)}`]
      : []),
    ...(sourcePort === undefined ? [] : [`${protocol} sport ${sourcePort}`]),
    ...(destinationPort === undefined ? [] : [`${protocol} dport ${destinationPort}`]),
  ].join(' ');
}

const iptablesMatch = (probe: Probe): string =>
  [
    ...(probe.link === undefined ? [] : [`${leaves(probe) ? '-o' : '-i'} ${probe.link}`]),
    ...(probe.source === undefined ? [] : [`-s ${probe.source}`]),
    ...(probe.destination === undefined ? [] : [`-d ${probe.destination}`]),
    `-p ${numbered(probe.protocol)}`,
    ...(probe.sourcePort === undefined ? [] : [`--sport ${probe.sourcePort}`]),
    ...(probe.destinationPort === undefined ? [] : [`--dport ${probe.destinationPort}`]),
  ].join(' ');
