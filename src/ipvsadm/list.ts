/** The commands that print something. */

import type { Ipvs, SyncDaemons } from '../kernel/ipvs.ts';
import { readConnections } from '../kernel/ipvs-connections.ts';
import type { IpAddress } from '../model/address.ts';
import { type ActualTable, type CountedVirtualServer, tableKeyText } from '../model/ipvs-table.ts';
import type { IpvsadmCommand } from './command.ts';
import { CommandLineError, IPVSADM_EXIT } from './command-line-error.ts';
import { addressesOf, formatConnections } from './connections.ts';
import { formatRules } from './format-rules.ts';
import { formatTable } from './format-table.ts';
import { formatDaemons, formatHeader, formatTimeouts } from './format-whole.ts';
import type { IpvsadmWorld } from './ipvsadm.ts';
import { type KnownNames, knownNames, NUMERIC } from './names.ts';

type Listing = Extract<
  IpvsadmCommand,
  { readonly kind: 'list' | 'list-connections' | 'list-daemons' | 'list-timeouts' | 'save' }
>;

/** Gives the exit code. Throws KernelError, and CommandLineError where there is no such thing. */
export async function list(command: Listing, ipvs: Ipvs & SyncDaemons, world: IpvsadmWorld): Promise<number> {
  world.out(await text(command, ipvs, world));
  return IPVSADM_EXIT.done;
}

async function text(command: Listing, ipvs: Ipvs & SyncDaemons, world: IpvsadmWorld): Promise<string> {
  const namesOf = (
    numeric: boolean,
    addresses: () => readonly IpAddress[],
  ): Promise<KnownNames> | KnownNames => (numeric ? NUMERIC : knownNames(world.names, addresses()));
  switch (command.kind) {
    case 'list': {
      const { key, format } = command;
      const table = key === undefined ? ipvs.dumpCounted() : [found(ipvs.find(key), tableKeyText(key))];
      const header = key === undefined ? formatHeader(ipvs.info()) : '';
      return header + formatTable(table, format, await namesOf(format.numeric, () => tableAddresses(table)));
    }
    case 'save': {
      const table = ipvs.dump();
      return formatRules(table, await namesOf(command.numeric, () => tableAddresses(table)));
    }
    case 'list-connections': {
      const connections = readConnections(world.readConnections());
      const names = await namesOf(command.numeric, () => addressesOf(connections));
      return formatConnections(connections, command.persistent, names);
    }
    case 'list-timeouts':
      return formatTimeouts(ipvs.timeouts());
    case 'list-daemons':
      return formatDaemons(ipvs.listDaemons());
    default:
      return command satisfies never;
  }
}

function found(server: CountedVirtualServer | undefined, name: string): CountedVirtualServer {
  if (server === undefined)
    throw new CommandLineError(`the table has no virtual service ${name}`, IPVSADM_EXIT.unlisted);
  return server;
}

const tableAddresses = (table: ActualTable): readonly IpAddress[] =>
  table.flatMap(({ key, realServers }) => [
    ...(key.kind === 'address' ? [key.address] : []),
    ...realServers.map(({ address }) => address),
  ]);
