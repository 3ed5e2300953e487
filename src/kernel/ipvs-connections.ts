/** /proc/net/ip_vs_conn: the connections that IPVS knows, one a line. */
import { addressFromBytes, ipv4FromNumber } from '../model/address.ts';
import type { ConnectionEnd, IpvsConnection } from '../model/connections.ts';

/** The connections of the whole file; its first line is a title. Lines that are none are left out. */
export const readConnections = (text: string): readonly IpvsConnection[] =>
  connectionsIn(text.split('\n').slice(1));

/** Of some of its lines. */
export const connectionsIn = (lines: readonly string[]): readonly IpvsConnection[] =>
  lines.flatMap((line) => readConnection(line) ?? []);

function readConnection(line: string): IpvsConnection | undefined {
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
function readEnd(address = '', port = ''): ConnectionEnd | undefined {
  const digits = address.replaceAll(':', '');
  if (!/^(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{32})$/.test(digits) || !/^[0-9a-fA-F]{1,4}$/.test(port))
    return undefined;
  const ip =
    digits.length === 8
      ? ipv4FromNumber(Number.parseInt(digits, 16))
      : addressFromBytes(Buffer.from(digits, 'hex'));
  return { address: ip, port: Number.parseInt(port, 16) };
}
