/** /proc/net/ip_vs_conn: the connections that IPVS knows, one a line, and how `ipvsadm -Lc` prints them. */
import { addressFromBytes, type IpAddress, ipv4FromNumber } from '../model/address.ts';
import type { Protocol } from '../model/virtual-server.ts';
import { addressAndPort } from './format-address.ts';
import type { KnownNames } from './names.ts';

interface End {
  readonly address: IpAddress;
  readonly port: number;
}

export interface Connection {
  /** In capitals; IP for a template of a firewall mark. */
  readonly protocol: string;
  readonly client: End;
  readonly service: End;
  readonly server: End;
  readonly state: string;
  /** Seconds that it is remembered yet. */
  readonly expires: number;
  /** The name of the persistence engine and what it tells clients apart by. */
  readonly engine: readonly [string, string] | undefined;
}

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

/** The connections of the whole file; its first line is a title. Lines that are none are left out. */
export const readConnections = (text: string): readonly Connection[] =>
  text
    .split('\n')
    .slice(1)
    .flatMap((line) => readConnection(line) ?? []);

function readConnection(line: string): Connection | undefined {
  const [
    protocol,
    fromAddress,
    fromPort,
    toAddress,
    toPort,
    serverAddress,
    serverPort,
    state,
    expires,
    ...engine
  ] = line.split(/\s+/).filter((word) => word !== '');
  if (protocol === undefined || state === undefined || expires === undefined) return undefined;
  const client = readEnd(fromAddress, fromPort);
  const service = readEnd(toAddress, toPort);
  const server = readEnd(serverAddress, serverPort);
  if (client === undefined || service === undefined || server === undefined) return undefined;
  const [name, data] = engine;
  return {
    protocol,
    client,
    service,
    server,
    state,
    expires: Number(expires),
    engine: name === undefined || data === undefined ? undefined : [name, data],
  };
}

/** IPv4 as eight hexadecimal digits, IPv6 as eight groups of four; the port as four. */
function readEnd(address = '', port = ''): End | undefined {
  const digits = address.replaceAll(':', '');
  if (!/^(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{32})$/.test(digits) || !/^[0-9a-fA-F]{1,4}$/.test(port))
    return undefined;
  const ip =
    digits.length === 8
      ? ipv4FromNumber(Number.parseInt(digits, 16))
      : addressFromBytes(Buffer.from(digits, 'hex'));
  return { address: ip, port: Number.parseInt(port, 16) };
}

export const addressesOf = (connections: readonly Connection[]): readonly IpAddress[] =>
  connections.flatMap(({ client, service, server }) => [client.address, service.address, server.address]);

/** With the title. `persistent`: persistence engines too. */
export function formatConnections(
  connections: readonly Connection[],
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

function connectionLine(connection: Connection, persistent: boolean, names: KnownNames): string {
  const { protocol, client, service, server, state, expires, engine } = connection;
  const end = ({ address, port }: End): string =>
    addressAndPort(address, port, PROTOCOLS.get(protocol), names);
  const left = `${protocol.padEnd(3)} ${clock(expires).padEnd(6)} ${state.padEnd(11)}`;
  const ends = `${end(client).padEnd(18)} ${end(service).padEnd(18)}`;
  if (!persistent || engine === undefined) return `${left} ${ends} ${end(server)}`;
  const [name, data] = engine;
  return `${left} ${ends} ${end(server).padEnd(16)} ${name.padEnd(18)} ${data}`;
}

const clock = (seconds: number): string =>
  [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, '0')).join(':');
