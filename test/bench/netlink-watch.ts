/**
 * netlink-watch.ts: tells what IPVS is asked over netlink in its own network namespace, by whomever, as the kernel
 * itself hands it to the monitor device nlmon0, with the kernel's time stamps. So every program is counted alike, and
 * none of them is slowed down by being looked at: nothing is read before somebody asks. Beside it TCP resets that reach
 * eth0. For each line on standard input it prints all that came so far, as a line of JSON (WatchReport); the line `new`
 * says to begin anew after that.
 */
import { createInterface } from 'node:readline';
import { attachFilter, BPF, KEEP_ALL } from '../../src/sys/socket-filter.ts';
import {
  AF_PACKET,
  bindSocket,
  lastStamp,
  openSocket,
  packetAddress,
  receive,
  SOCK_RAW,
  setReceiveBuffer,
} from '../lab/support/libc.ts';

/** IPVS_CMD_* of linux/ip_vs.h: those that change the table. */
const CHANGES: ReadonlyMap<number, Change> = new Map([
  [1, 'add virtual server'],
  [2, 'change virtual server'],
  [3, 'remove virtual server'],
  [5, 'add real server'],
  [6, 'change real server'],
  [7, 'remove real server'],
]);
export type Change =
  | 'add virtual server'
  | 'change virtual server'
  | 'remove virtual server'
  | 'add real server'
  | 'change real server'
  | 'remove real server';

export interface WatchReport {
  /** Messages with a request to IPVS, whatever they ask. */
  readonly messages: number;
  /** Calls of send(2) and the like that these came in. */
  readonly sends: number;
  /** Of those messages the ones that ask for a change. */
  readonly changes: Readonly<Partial<Record<Change, number>>>;
  /** When the kernel had answered the last message with a change, ms since the epoch. */
  readonly changedAt?: number;
  /** Those messages and sends that came until then. */
  readonly untilChanged: { readonly messages: number; readonly sends: number };
  /** When resets came that were no answers to the table's own clients; ms since the epoch. */
  readonly resets: readonly number[];
}

const ROOM = 256 * 1024 * 1024;
// linux/netlink.h: offsets in struct nlmsghdr, the type of an answer, the flag of a request.
const TYPE = 4;
const FLAGS = 6;
const HEADER = 16;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
/** The controller that tells family numbers is the first; above it here is IPVS alone. */
const GENL_ID_CTRL = 16;
const JUMP_IF_SET = 0x45;
/** linux/filter.h: not at a place in the packet, but what the monitor says of it: the netlink protocol. */
const SKF_AD_PROTOCOL = 0xfffff000;
const NETLINK_GENERIC = 16;

function listen(): number {
  const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
  setReceiveBuffer(fd, ROOM);
  lastStamp(fd);
  return fd;
}

const netlink = listen();
// Requests of generic netlink and their verdicts, but no listings, whose pages would fill the socket.
attachFilter(
  netlink,
  [
    [BPF.loadHalf, 0, 0, SKF_AD_PROTOCOL],
    [BPF.jumpIfEqual, 0, 5, NETLINK_GENERIC],
    [BPF.loadByte, 0, 0, FLAGS],
    [JUMP_IF_SET, 2, 0, NLM_F_REQUEST],
    [BPF.loadByte, 0, 0, TYPE],
    [BPF.jumpIfEqual, 0, 1, NLMSG_ERROR],
    [BPF.return, 0, 0, KEEP_ALL],
    [BPF.return, 0, 0, 0],
  ],
  'of netlink messages',
);
bindSocket(netlink, packetAddress('nlmon0'));
const wire = listen();
bindSocket(wire, packetAddress('eth0'));

const buffer = Buffer.alloc(256 * 1024);

/** What is queued, oldest first, with the kernel's times. */
function* queued(fd: number): Generator<{ readonly bytes: Buffer; readonly time: number }> {
  for (let length = receive(fd, buffer); length !== undefined; length = receive(fd, buffer))
    yield { bytes: buffer.subarray(0, length), time: lastStamp(fd) ?? Number.NaN };
}

/** The headers of the messages of a datagram; 16 bits and more are in the machine's own order. */
function* messages(
  bytes: Buffer,
): Generator<{ readonly type: number; readonly flags: number; readonly command: number }> {
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER) return;
    const command = length > HEADER ? bytes.readUInt8(at + HEADER) : 0;
    yield { type: bytes.readUInt16LE(at + TYPE), flags: bytes.readUInt16LE(at + FLAGS), command };
    at += (length + 3) & ~3;
  }
}

class Count {
  #messages = 0;
  #sends = 0;
  #untilChanged = { messages: 0, sends: 0 };
  readonly #changes: Partial<Record<Change, number>> = {};
  #changedAt: number | undefined;
  /** The last change has no answer yet. */
  #open = false;

  datagram(bytes: Buffer, time: number): void {
    let asked = false;
    for (const { type, flags, command } of messages(bytes)) {
      if (type === NLMSG_ERROR) this.#answered(time);
      if (type <= GENL_ID_CTRL || (flags & NLM_F_REQUEST) === 0) continue;
      asked = true;
      this.#messages++;
      const change = CHANGES.get(command);
      if (change === undefined) continue;
      this.#changes[change] = (this.#changes[change] ?? 0) + 1;
      this.#open = true;
    }
    if (asked) this.#sends++;
  }

  #answered(time: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#changedAt = time;
    this.#untilChanged = { messages: this.#messages, sends: this.#sends };
  }

  report(resets: readonly number[]): WatchReport {
    return {
      messages: this.#messages,
      sends: this.#sends,
      changes: this.#changes,
      ...(this.#changedAt !== undefined && { changedAt: this.#changedAt }),
      untilChanged: this.#untilChanged,
      resets,
    };
  }
}

const ETHERTYPE_IPV4 = 0x0800;
const TCP = 6;
const TCP_RESET = 0x04;

function isReset(frame: Buffer): boolean {
  if (frame.length < 54 || frame.readUInt16BE(12) !== ETHERTYPE_IPV4 || frame.readUInt8(23) !== TCP)
    return false;
  return (frame.readUInt8(14 + (frame.readUInt8(14) & 15) * 4 + 13) & TCP_RESET) !== 0;
}

process.stdout.write('ready\n');
let count = new Count();
let resets: number[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  for (const { bytes, time } of queued(netlink)) count.datagram(bytes, time);
  for (const { bytes, time } of queued(wire)) if (isReset(bytes)) resets.push(time);
  process.stdout.write(`${JSON.stringify(count.report(resets))}\n`);
  if (line !== 'new') continue;
  count = new Count();
  resets = [];
}
