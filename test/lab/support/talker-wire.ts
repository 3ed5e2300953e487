/** What a talker's connection goes over: a TCP connection, or datagrams from one port. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

export interface WireEvents {
  onLine(line: string): void;
  /** An errno, or CLOSED; perhaps several times. */
  onLost(why: string): void;
}

export interface Wire {
  connected(): Promise<void>;
  /** Asks for a line. What it gives is to be called when one has come. */
  ask(): () => void;
  close(): void;
}

export type OpenWire = (address: string, port: number, events: WireEvents) => Wire;

/** Milliseconds after which a datagram that is not answered is sent again. */
const AGAIN = 1_000;

export const streamWire: OpenWire = (address, port, { onLine, onLost }) => {
  const socket = createConnection({ host: address, port, noDelay: true });
  socket.on('error', ({ code }: NodeJS.ErrnoException) => onLost(code ?? 'UNKNOWN'));
  socket.on('close', () => onLost('CLOSED'));
  const lines = createInterface({ input: socket });
  lines.on('line', onLine);
  // The socket's own, once more.
  lines.on('error', () => undefined);
  return {
    async connected() {
      if (socket.connecting) await once(socket, 'connect');
    },
    ask() {
      socket.write('?\n');
      return () => undefined;
    },
    close: () => socket.destroy(),
  };
};

/** A datagram that nobody answers may be lost, and an address that nobody has at the moment is no end of anything. */
export const datagramWire: OpenWire = (address, port, { onLine }) => {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  let isOpen = true;
  socket.on('error', () => undefined);
  socket.on('message', (text) => onLine(text.toString().trim()));
  const send = (): void => {
    if (isOpen) socket.send('?\n', port, address, () => undefined);
  };
  return {
    connected: () => Promise.resolve(),
    ask() {
      send();
      const timer = setInterval(send, AGAIN);
      return () => clearInterval(timer);
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      socket.close();
    },
  };
};
