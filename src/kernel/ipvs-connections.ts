/** /proc/net/ip_vs_conn: the connections that IPVS knows, one a line. */
import { type FileHandle, open } from 'node:fs/promises';
import { addressFromBytes, ipv4FromNumber } from '../model/address.ts';
import type { ConnectionEnd, IpvsConnection } from '../model/connections.ts';

/** The connections of the whole file; its first line is a title. Lines that are none are left out. */
export const readConnections = (text: string): readonly IpvsConnection[] =>
  connectionsIn(text.split('\n').slice(1));

/** Of some of its lines. */
const connectionsIn = (lines: readonly string[]): readonly IpvsConnection[] =>
  lines.flatMap((line) => readConnection(line) ?? []);

const CONNECTIONS = '/proc/net/ip_vs_conn';
/** Bytes; the kernel gives about a page at a time, whatever is asked for. */
const PIECE = 64 * 1024;

/**
 * Every connection that IPVS knows, some at a time, and never all of them: a million are 120 MB of text. None where
 * there is no IPVS. Throws what the file system throws.
 */
export async function* readKnownConnections(path = CONNECTIONS): AsyncGenerator<readonly IpvsConnection[]> {
  const file = await openIfThere(path);
  if (file === undefined) return;
  try {
    const buffer = Buffer.allocUnsafe(PIECE);
    for (let rest = ''; ; ) {
      const { bytesRead } = await file.read(buffer, 0, PIECE);
      const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = bytesRead === 0 ? '' : (lines.pop() ?? '');
      // The title is no connection.
      yield connectionsIn(lines);
      if (bytesRead === 0) return;
    }
  } finally {
    await file.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

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
