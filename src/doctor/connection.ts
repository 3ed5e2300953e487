/** One TCP connection, to see whether and how it is answered. */
import { createConnection } from 'node:net';
import type { IpAddress } from '../model/address.ts';
import type { Milliseconds } from '../model/units.ts';
import { patiently } from '../sys/patience.ts';

/** `refused`: answered all the same. `silent`: no answer within the time, or no way there. */
export type ConnectionEnd = 'made' | 'refused' | 'silent';

/** Milliseconds. */
const LOOK_INTERVAL = 50;

/**
 * Connects from `source`, an address of this host, and ends the connection at once. `seen`: whether its answer was seen
 * by other means, which a packet filter may keep from coming through. Rejects only with what that throws.
 */
export function tryConnection(
  address: IpAddress,
  port: number,
  source: IpAddress,
  patience: Milliseconds,
  seen: () => boolean = () => false,
): Promise<ConnectionEnd> {
  const { promise, resolve, reject } = Promise.withResolvers<ConnectionEnd>();
  const socket = createConnection({ host: address, port, localAddress: source });
  const relent = patiently(patience, () => resolve('silent'));
  const look = setInterval(() => {
    try {
      if (seen()) resolve('silent');
    } catch (error) {
      reject(error);
    }
  }, LOOK_INTERVAL);
  socket.once('connect', () => resolve('made'));
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    resolve(code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'refused' : 'silent');
  });
  return promise.finally(() => {
    relent();
    clearInterval(look);
    socket.destroy();
  });
}
