/** The kernel of a real server: the links, addresses and settings that the VIP takes. */
import { readdirSync } from 'node:fs';
import { type Addresses, openAddresses } from '../kernel/addresses.ts';
import { type Links, openLinks } from '../kernel/links.ts';
import { loadModule } from '../kernel/modules.ts';
import { readSetting, writeSetting } from '../kernel/sysctl.ts';
import type { SettingsAccess } from '../prepare/ledger.ts';
import type { HiddenAddress } from '../prepare/real-server.ts';
import { setTunnelProtocol } from '../sys/tunnel-protocol.ts';

export interface Host {
  readonly settings: SettingsAccess;
  links(): readonly string[];
  isUp(link: string): boolean | undefined;
  setUp(link: string, up: boolean): void;
  openTunnel(link: string, open: boolean): void;
  holds(address: HiddenAddress): boolean;
  add(address: HiddenAddress): void;
  remove(address: HiddenAddress): void;
  loadModule(name: string): Promise<Error | undefined>;
  close(): void;
}

/** Throws SystemError. Its functions throw KernelError and SystemError. */
export function openHost(): Host {
  const links: Links = openLinks();
  const addresses: Addresses = openAddresses();
  const find = (name: string) => links.list().find((link) => link.name === name);
  const indexOf = (name: string): number => {
    const link = find(name);
    if (link === undefined) throw new Error(`there is no link ${name}`);
    return link.index;
  };
  return {
    settings: { read: readSetting, write: writeSetting },
    // Not every link has IPv4.
    links: () =>
      readdirSync('/proc/sys/net/ipv4/conf').filter((name) => name !== 'all' && name !== 'default'),
    isUp: (link) => find(link)?.up,
    setUp: (link, up) => links.setUp(indexOf(link), up),
    openTunnel: (link, open) => setTunnelProtocol(link, open ? 'any' : 'ipv6'),
    holds: ({ device, prefix }) => {
      const link = find(device);
      return (
        link !== undefined &&
        addresses.list(link.index).some((held) => held.prefix.address === prefix.address)
      );
    },
    add: ({ device, prefix }) => {
      const [refusal] = addresses.put(indexOf(device), [prefix], 'forever');
      if (refusal !== undefined) throw refusal.error;
    },
    remove: ({ device, prefix }) => {
      const link = find(device);
      const [refusal] = link === undefined ? [] : addresses.remove(link.index, [prefix]);
      if (refusal !== undefined) throw refusal.error;
    },
    loadModule,
    close: () => {
      links.close();
      addresses.close();
    },
  };
}
