/** The connections that IPVS knows, as `ipvsadm -Lc` prints them. */
import type { IpAddress } from '../model/address.ts';
import type { ConnectionEnd, IpvsConnection } from '../model/connections.ts';
import type { Protocol } from '../model/virtual-server.ts';
import { addressAndPort } from './format-address.ts';
import type { KnownNames } from './names.ts';

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

export const addressesOf = (connections: readonly IpvsConnection[]): readonly IpAddress[] =>
  connections.flatMap(({ client, service, server }) => [client.address, service.address, server.address]);

/** With the title. `persistent`: persistence engines too. */
export function formatConnections(
  connections: readonly IpvsConnection[],
  persistent: boolean,
  names: KnownNames,
): string {
  const columns = `pro expire ${'state'.padEnd(11)} ${'source'.padEnd(18)} ${'virtual'.padEnd(18)}`;
  const title = persistent
    ? `${columns} ${'destination'.padEnd(18)} ${'pe name'.padEnd(16)} pe_data`
    : `${columns} destination`;
  const lines = connections.map((connection) => connectionLine(connection, persistent, names));
  return ['IPVS connection entries', title, ...lines].map((line) => `${line}\n`).join('');
}

function connectionLine(connection: IpvsConnection, persistent: boolean, names: KnownNames): string {
  const { protocol, client, service, server, state, expires, engine } = connection;
  const end = ({ address, port }: ConnectionEnd): string =>
    addressAndPort(address, port, PROTOCOLS.get(protocol), names);
  const left = `${protocol.padEnd(3)} ${clock(expires).padEnd(6)} ${state.padEnd(11)}`;
  const ends = `${end(client).padEnd(18)} ${end(service).padEnd(18)}`;
  if (!persistent || engine === undefined) return `${left} ${ends} ${end(server)}`;
  const [name, data] = engine;
  return `${left} ${ends} ${end(server).padEnd(16)} ${name.padEnd(18)} ${data}`;
}

const clock = (seconds: number): string =>
  [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, '0')).join(':');
