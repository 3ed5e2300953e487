/** The kernel of a real server: the links, addresses and settings that the VIP takes. */
import { readdirSync } from 'node:fs';
import { type Addresses, openAddresses } from '../kernel/addresses.ts';
import { isAsked, type Links, openLinks } from '../kernel/links.ts';
import { loadModule } from '../kernel/modules.ts';
import { readSetting, writeSetting } from '../kernel/sysctl.ts';
import { formatPrefix, type IpAddress } from '../model/address.ts';
import type { SettingsAccess } from '../prepare/ledger.ts';
import type { HiddenAddress } from '../prepare/real-server.ts';
import { setTunnelProtocol } from '../sys/tunnel-protocol.ts';

export interface Host {
  readonly settings: SettingsAccess;
  links(): readonly string[];
  /** Those by which somebody may ask for an address of this host. */
  askedLinks(): readonly string[];
  /** Those of `vips` that are on one of these. */
  askedFor(vips: readonly IpAddress[]): readonly HiddenAddress[];
  isUp(link: string): boolean | undefined;
  setUp(link: string, up: boolean): void;
  openTunnel(link: string, open: boolean): void;
  /** Those that are not there, with the very length. */
  missing(addresses: readonly HiddenAddress[]): readonly HiddenAddress[];
  add(addresses: readonly HiddenAddress[]): void;
  /** What is not there, or whose link is not, is gone. */
  remove(addresses: readonly HiddenAddress[]): void;
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
    askedLinks: () =>
      links
        .list()
        .filter(isAsked)
        .map(({ name }) => name),
    askedFor: (vips) => {
      const names = new Map(
        links
          .list()
          .filter(isAsked)
          .map(({ index, name }) => [index, name]),
      );
      const wanted = new Set(vips);
      return addresses.list().flatMap(({ index, prefix }) => {
        const device = names.get(index);
        return device === undefined || !wanted.has(prefix.address) ? [] : [{ device, prefix }];
      });
    },
    isUp: (link) => find(link)?.up,
    setUp: (link, up) => links.setUp(indexOf(link), up),
    openTunnel: (link, open) => setTunnelProtocol(link, open ? 'any' : 'ipv6'),
    missing: (wanted) =>
      eachDevice(wanted, (device, ofDevice) => {
        const link = find(device);
        const held = new Set(
          link === undefined ? [] : addresses.list(link.index).map(({ prefix }) => formatPrefix(prefix)),
        );
        return ofDevice.filter(({ prefix }) => !held.has(formatPrefix(prefix)));
      }),
    add: (wanted) => {
      const [refusal] = eachDevice(wanted, (device, ofDevice) =>
        addresses.put(indexOf(device), prefixesOf(ofDevice), 'forever'),
      );
      if (refusal !== undefined) throw refusal.error;
    },
    remove: (gone) => {
      const [refusal] = eachDevice(gone, (device, ofDevice) => {
        const link = find(device);
        return link === undefined ? [] : addresses.remove(link.index, prefixesOf(ofDevice));
      });
      if (refusal !== undefined) throw refusal.error;
    },
    loadModule,
    close: () => {
      links.close();
      addresses.close();
    },
  };
}

const prefixesOf = (addresses: readonly HiddenAddress[]) => addresses.map(({ prefix }) => prefix);

/** Many addresses of one link are one dump, or one batch. */
const eachDevice = <Result>(
  addresses: readonly HiddenAddress[],
  work: (device: string, ofDevice: readonly HiddenAddress[]) => readonly Result[],
): readonly Result[] =>
  [...Map.groupBy(addresses, ({ device }) => device)].flatMap(([device, ofDevice]) => work(device, ofDevice));
