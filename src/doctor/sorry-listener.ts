/** Whether anybody listens for the sorry servers that are this director itself. */
import { readFileSync } from 'node:fs';
import { addressFromBytes, familyOf, type IpAddress, isLoopback } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import { endpoint } from '../model/virtual-server.ts';
import { type Finding, good, warning } from './finding.ts';

/** A TCP socket that takes connections. */
export interface Listener {
  readonly address: IpAddress;
  readonly port: number;
}

/** Throws where the kernel does not tell. */
export const lookAtSorryListeners = (config: Pick<Config, 'virtualServers'>): readonly Finding[] =>
  sorryListenerFindings(config, parseListeners(`${readOf('tcp')}\n${readOf('tcp6')}`));

function readOf(name: 'tcp' | 'tcp6'): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'latin1');
  } catch (error) {
    // A kernel without IPv6.
    if (name === 'tcp6' && (error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** TCP_LISTEN of net/tcp_states.h. */
const LISTEN = '0A';

/** Lines of /proc/net/tcp and tcp6: `0: 0100007F:0050 00000000:0000 0A …`, addresses in words of the processor's order. Pure. */
export const parseListeners = (text: string): readonly Listener[] =>
  text.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [, words, port] = /^((?:[\dA-F]{8}){1,4}):([\dA-F]{4})$/.exec(local) ?? [];
    if (state !== LISTEN || words === undefined || port === undefined) return [];
    const bytes = Buffer.from(words, 'hex').swap32();
    return [{ address: addressFromBytes(bytes), port: Number.parseInt(port, 16) }];
  });

/** The kernel delivers such packets as they are: to the virtual address and port, not to 127.0.0.1. Pure. */
export function sorryListenerFindings(
  { virtualServers }: Pick<Config, 'virtualServers'>,
  listeners: readonly Listener[],
): readonly Finding[] {
  const asked = virtualServers.flatMap(({ name, entries, sorryServers }) =>
    entries.flatMap((entry) => {
      if (entry.kind !== 'address' || entry.protocol !== 'tcp' || entry.port === 0) return [];
      const sorry = sorryServers.find(
        ({ address }) => isLoopback(address) && familyOf(address) === familyOf(entry.address),
      );
      return sorry === undefined ? [] : [{ name, entry, sorry: sorry.address }];
    }),
  );
  const silent = asked.filter(
    ({ entry: { address, port } }) =>
      !listeners.some((each) => each.port === port && takes(each.address, address)),
  );
  if (asked.length > 0 && silent.length === 0)
    return [good('somebody listens for the sorry servers on this director')];
  return silent.map(({ name, entry: { address, port }, sorry }) => {
    const everywhere = endpoint((familyOf(address) === 'ipv4' ? '0.0.0.0' : '::') as IpAddress, port);
    return warning(
      `${name}: nobody listens on ${everywhere} or ${endpoint(address, port)} for the sorry server ${sorry}`,
      'clients are refused where it should stand in: a program on 127.0.0.1 or another port does not get them',
      `have a web server of this director listen on ${everywhere}; who listens: ss -ltnp sport = :${port}`,
    );
  });
}

/** `::` takes IPv4 as well, unless the program has said otherwise, which nobody can see here. */
const takes = (listener: IpAddress, vip: IpAddress): boolean =>
  listener === vip || listener === '::' || (listener === '0.0.0.0' && familyOf(vip) === 'ipv4');
