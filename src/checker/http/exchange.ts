/** One GET on a connection that is open already, spoken by undici; the answer counts as soon as its head is read. */
import type { Duplex } from 'node:stream';
import Client from 'undici/lib/dispatcher/client.js';
import { readVersion } from '../../version.ts';

/** How the exchange ended: with the status of a final answer (100 to 999), or without one. */
export type Answer = { readonly status: number } | { readonly error: Error };

export interface HttpRequest {
  readonly path: string;
  /** Value of the Host header. */
  readonly host: string;
}

/** Largest head of an answer, in bytes. Servers' own limits are 4 to 16 KiB. */
export const LARGEST_HEAD = 16 * 1024;

/**
 * Sends the request and calls `done` once: at the head of a final answer, or at the first error. The body is not
 * waited for. Ends when the stream does; the caller destroys the stream, whatever came of it. Throws for a request
 * that HTTP cannot express.
 */
export function exchange(stream: Duplex, request: HttpRequest, done: (answer: Answer) => void): void {
  let connected = false;
  const client = new Client('http://real-server', {
    // The stream is all there is: after it undici must not open connections of its own.
    connect: (_options, callback) => {
      const again = connected;
      connected = true;
      // Not at once: undici takes up its queue only for a connector that answers later.
      queueMicrotask(() =>
        again ? callback(new ConnectionUsedError(), null) : callback(null, asSocket(stream)),
      );
    },
    maxHeaderSize: LARGEST_HEAD,
    // The probe has its own deadline, which drops of data do not put off.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
  // Frees the parser's memory and forgets the request.
  stream.once('close', () => void client.destroy());
  client.dispatch(
    {
      method: 'GET',
      path: request.path,
      headers: { host: request.host, 'user-agent': USER_AGENT, accept: '*/*' },
      // Connection: close, so that the real server keeps nothing open for us.
      reset: true,
    },
    {
      onRequestStart() {},
      onResponseStart(_controller, status) {
        // 1xx are interim (RFC 9110 section 15.2): the final answer follows.
        if (status >= 200) done({ status });
      },
      onResponseData() {},
      onResponseEnd() {},
      onResponseError: (_controller, error) => done({ error }),
    },
  );
}

/** undici ended the connection itself and would go on with a new one. */
class ConnectionUsedError extends Error {
  override readonly name = 'ConnectionUsedError';
  /** undici's own for a connection that was closed. */
  readonly code = 'UND_ERR_SOCKET';
  constructor() {
    super('connection closed before an answer');
  }
}

type ConnectorCallback = Extract<NonNullable<Client.Options['connect']>, (...args: never) => unknown>;
type ConnectorSocket = NonNullable<Parameters<Parameters<ConnectorCallback>[1]>[1]>;

/** undici asks for net.Socket by name but uses what every Duplex has; optional methods are looked for first. */
const asSocket = (stream: Duplex): ConnectorSocket => stream as ConnectorSocket;

/** Read while the checkout can be read for sure: before privileges are dropped. */
const USER_AGENT = `vipward/${readVersion()}`;
