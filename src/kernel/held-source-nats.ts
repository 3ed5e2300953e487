/** The source NAT that a former process of ours has left in the packet filter, out of nft's listing of our table. */
import { readFileSync } from 'node:fs';
import type { IpAddress } from '../model/address.ts';
import type { PortRange } from '../model/config.ts';
import type { SourceNatRule } from '../model/packet-rules.ts';
import type { Protocol } from '../model/virtual-server.ts';

const SET = /\bset (masqueraded[46]_\d+) \{[^{}]*elements = \{([^{}]*)\}/g;
const TARGET = /@(masqueraded[46]_\d+) (?:masquerade|snat ip6? to (\S+))/g;
const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['6', 'tcp'],
  ['tcp', 'tcp'],
  ['17', 'udp'],
  ['udp', 'udp'],
  ['132', 'sctp'],
  ['sctp', 'sctp'],
]);

/** Whether IPVS has real servers that may take source NAT: most have none, and nobody waits for nft. */
export function tableMasquerades(): boolean {
  try {
    return readFileSync('/proc/net/ip_vs', 'latin1').includes(' Masq ');
  } catch {
    // Without IPVS there is none.
    return false;
  }
}

/**
 * Pure. The ports are those of the real servers: nobody tells what clients asked for. What is not as we write it is left
 * out.
 */
export function sourceNatsIn(listing: string): readonly SourceNatRule[] {
  const targets = new Map([...listing.matchAll(TARGET)].map(([, name = '', to]) => [name, to ?? 'auto']));
  return [...listing.matchAll(SET)].flatMap(([, name = '', elements = '']) => {
    const to = targets.get(name);
    return to === undefined
      ? []
      : elements.split(',').flatMap((element) => ruleOf(element, to as SourceNatRule['to']));
  });
}

function ruleOf(element: string, to: SourceNatRule['to']): readonly SourceNatRule[] {
  const [virtual, name, realServer, ports] = element.trim().split(' . ');
  const protocol = PROTOCOLS.get(name ?? '');
  const range = rangeOf(ports ?? '');
  if (virtual === undefined || protocol === undefined || realServer === undefined || range === undefined)
    return [];
  const match = { address: virtual as IpAddress, protocol, ports: [range] };
  return [{ virtual: match, realServers: [{ address: realServer as IpAddress, port: undefined }], to }];
}

function rangeOf(text: string): PortRange | undefined {
  const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  return from === undefined ? undefined : { from: Number(from), to: Number(to) };
}
