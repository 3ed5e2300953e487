/** Asks a host whether it is there, and hears by which link its answer comes. */
import { type Family, familyOf, type IpAddress } from '../model/address.ts';
import { type Milliseconds, milliseconds } from '../model/units.ts';
import { internetChecksum } from '../packet/checksum.ts';
import { decodeIpv4 } from '../packet/ipv4.ts';
import { patiently } from '../sys/patience.ts';
import { openRawSocket, type RawSocket } from '../sys/raw-socket.ts';
import { READABLE, Reactor } from '../sys/reactor.ts';
import type { Reply } from './seen-replies.ts';

/** ICMP and ICMPv6 (RFC 792, RFC 4443): protocol, and the types of request and reply. */
const ECHO: Readonly<Record<Family, { protocol: number; request: number; reply: number }>> = {
  ipv4: { protocol: 1, request: 8, reply: 0 },
  ipv6: { protocol: 58, request: 128, reply: 129 },
};
/** TTL of what is asked: a real server is near. */
const TTL = 64;
const PER_TURN = 32;

export interface EchoLink {
  readonly name: string;
  readonly index: number;
}

/** What tells a reply to us from one to others. */
interface Question {
  readonly address: IpAddress;
  readonly family: Family;
  readonly id: number;
}

/** Several may be under way to one host. */
let asked = 0;

/**
 * Sends echo requests from `source` over `by`, three within `patience`, which is as long as this process did not stand
 * still, and gives the first reply, on whichever of `links` it comes. `send`: takes the requests in place of a plain
 * socket. undefined: none came, or this host cannot send there. Throws SystemError: EPERM without root.
 */
export async function echo(
  address: IpAddress,
  source: IpAddress,
  by: EchoLink,
  links: readonly EchoLink[],
  patience: Milliseconds,
  send?: (message: Uint8Array) => void,
): Promise<Reply | undefined> {
  const family = familyOf(address);
  const question: Question = { address, family, id: (process.pid + asked++) & 0xffff };
  const reactor = new Reactor();
  const sockets: RawSocket[] = [];
  const { promise, resolve } = Promise.withResolvers<Reply | undefined>();
  const nobody = (): void => resolve(undefined);
  let relent = patiently(patience, nobody);
  let plain: ((message: Uint8Array) => void) | undefined;
  try {
    for (const link of links) {
      const { protocol } = ECHO[family];
      const socket = openRawSocket({ protocol, family, interface: link, ttl: TTL, anySource: true });
      sockets.push(socket);
      reactor.add(socket.fd, READABLE, () =>
        hear(socket, question, (ttl) => resolve({ link: link.name, ttl })),
      );
      if (link.index === by.index) plain = (message) => socket.send(message, address, source);
    }
    // Not before all of them listen.
    if (plain !== undefined) {
      relent();
      relent = ask(send ?? plain, question, patience, nobody);
    }
    return await promise;
  } finally {
    relent();
    for (const socket of sockets) {
      reactor.remove(socket.fd);
      socket.close();
    }
    reactor.close();
  }
}

/** Reads what is queued, and tells the TTL of each reply. */
function hear(socket: RawSocket, { address, family, id }: Question, onReply: (ttl: number) => void): void {
  socket.receive((packet, origin) => {
    const ipv4 = origin === undefined ? decodeIpv4(packet) : undefined;
    const message = ipv4?.payload ?? packet;
    const from = origin?.source ?? ipv4?.source;
    const ttl = origin?.hopLimit ?? ipv4?.ttl;
    if (from === address && ttl !== undefined && isReply(message, family, id)) onReply(ttl);
  }, PER_TURN);
}

const TIMES = 3;

/** One question after the other, each with its own time for the answer, and `over` after that of the last. */
function ask(
  send: (message: Uint8Array) => void,
  { family, id }: Question,
  patience: Milliseconds,
  over: () => void,
): () => void {
  const pause = milliseconds(patience / (TIMES + 1));
  let relent = (): void => undefined;
  const askFrom = (time: number): void => {
    try {
      send(request(family, id, time));
    } catch {
      // There is no way there: then there is no reply either.
    }
    const isLast = time === TIMES - 1;
    relent = isLast ? patiently(milliseconds(2 * pause), over) : patiently(pause, () => askFrom(time + 1));
  };
  askFrom(0);
  return () => relent();
}

/** The kernel puts the checksum of ICMPv6 in by itself. */
function request(family: Family, id: number, sequence: number): Uint8Array {
  const message = new Uint8Array(16);
  const view = new DataView(message.buffer);
  view.setUint8(0, ECHO[family].request);
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  if (family === 'ipv4') view.setUint16(2, internetChecksum(message));
  return message;
}

function isReply(message: Uint8Array, family: Family, id: number): boolean {
  if (message.length < 8) return false;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return view.getUint8(0) === ECHO[family].reply && view.getUint16(4) === id;
}
