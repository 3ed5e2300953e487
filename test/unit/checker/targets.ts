import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { parseAddress } from '../../../src/model/address.ts';
import type { Check, CheckResult, CheckTarget, HttpProbe, ResultCode } from '../../../src/model/check.ts';
import { milliseconds } from '../../../src/model/units.ts';

export const TCP: Check = {
  probe: { kind: 'tcp' },
  interval: milliseconds(3000),
  connectTimeout: milliseconds(1000),
  timeout: milliseconds(2000),
  rise: 1,
  fall: 1,
  port: undefined,
};

export const http = (probe: Partial<HttpProbe> = {}): Check => ({
  ...TCP,
  probe: {
    kind: 'http',
    tls: undefined,
    path: '/',
    host: undefined,
    status: [{ from: 200, to: 299 }],
    ...probe,
  },
});

export function target(port: number, check: Check = TCP, id = `target ${port}`): CheckTarget {
  const address = parseAddress('127.0.0.1');
  if (address === undefined) throw new Error('127.0.0.1 is an address');
  return { id, address, port, check };
}

export const result = (code: ResultCode, text = code as string): CheckResult => ({
  good: code.endsWith('OK'),
  code,
  text,
  duration: milliseconds(1),
  at: 0,
});

export interface RealServer {
  readonly port: number;
  /** Connections taken so far. */
  readonly taken: () => number;
  /** How the probe ended the first connection: `ECONNRESET`, or `end` for FIN. */
  readonly ending: Promise<string>;
  readonly server: Server;
}

/** A real server on loopback whose behaviour is `serve`; gone when the test is. */
export async function realServer(serve: (socket: Socket) => void): Promise<RealServer> {
  const ending = Promise.withResolvers<string>();
  const open = new Set<Socket>();
  let taken = 0;
  const server = createServer((socket) => {
    taken++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', (error) => ending.resolve('code' in error ? String(error.code) : error.message));
    socket.on('end', () => ending.resolve('end'));
    serve(socket);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, taken: () => taken, ending: ending.promise, server };
}

/** Writes for ever, as fast as it is read. */
export function writeForEver(socket: Socket, chunk: string | Uint8Array): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}
