/** Names of hosts and of ports, which may stand for numbers on a command line, and are printed without --numeric. */
import type { IpAddress } from '../model/address.ts';
import type { Protocol } from '../model/virtual-server.ts';

/** Where names come from; the resolver of the system, or a test's own. */
export interface NameSource {
  /** The IPv4 address of a host's name. */
  addressOf(name: string): Promise<IpAddress | undefined>;
  portOf(name: string, protocol: Protocol): number | undefined;
  hostOf(address: IpAddress): Promise<string | undefined>;
  serviceOf(port: number, protocol: Protocol): string | undefined;
}

/** Names as far as they are wanted and known: what formatting looks up. */
export interface KnownNames {
  readonly host: (address: IpAddress) => string | undefined;
  readonly service: (port: number, protocol: Protocol | undefined) => string | undefined;
}

/** As with --numeric. */
export const NUMERIC: KnownNames = { host: () => undefined, service: () => undefined };

/** Asks for the names of `addresses`, each once. */
export async function knownNames(source: NameSource, addresses: Iterable<IpAddress>): Promise<KnownNames> {
  const hosts = new Map<IpAddress, string | undefined>();
  await Promise.all(
    [...new Set(addresses)].map(async (address) => hosts.set(address, await source.hostOf(address))),
  );
  return {
    host: (address) => hosts.get(address),
    service: (port, protocol) => (protocol === undefined ? undefined : source.serviceOf(port, protocol)),
  };
}
