/**
 * owner-watch.ts ADDRESS: tells, as a JSON line at the start and at each change, whether this network namespace owns
 * the address: whether it is on an interface that is up and has a carrier. Heard from the kernel (rtnetlink), not
 * asked for; decoded on its own, so that it can bear witness about the project's. SIGTERM ends it.
 */
import {
  bindSocket,
  openSocket,
  receive,
  SOCK_RAW,
  sendTo,
  setOption,
  waitReadable,
} from '../lab/support/libc.ts';

export interface OwnerLine {
  readonly owns: boolean;
  /** Ms on this kernel's CLOCK_MONOTONIC, which all network namespaces share and nobody sets. */
  readonly time: number;
}

// linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h, linux/if.h
const AF_NETLINK = 16;
const RTMGRP_LINK = 1;
const RTMGRP_IPV4_IFADDR = 0x10;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const NLM_F_REQUEST_DUMP = 0x301;
const IFA_LOCAL = 2;
const IFF_UP = 1;
const IFF_LOWER_UP = 0x10000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
/** Bytes: whatever floods the directors' own sockets must not overrun this one. */
const RECEIVE_BUFFER = 256 * 1024 * 1024;
const HEADER = 16;

class OwnerWatch {
  readonly #fd: number;
  readonly #wanted: Buffer;
  readonly #buffer = Buffer.alloc(64 * 1024);
  readonly #running = new Map<number, boolean>();
  readonly #holders = new Set<number>();
  #dumps = 0;
  #said: boolean | undefined;

  constructor(address: string) {
    this.#wanted = Buffer.from(address.split('.').map(Number));
    this.#fd = openSocket(AF_NETLINK, SOCK_RAW, 0);
    const size = Buffer.alloc(4);
    size.writeInt32LE(RECEIVE_BUFFER);
    setOption(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, size);
    bindSocket(this.#fd, netlinkAddress(RTMGRP_LINK | RTMGRP_IPV4_IFADDR));
  }

  /** What there is already; the kernel makes one listing at a time. */
  list(): void {
    for (const type of [RTM_GETLINK, RTM_GETADDR]) {
      const request = Buffer.alloc(HEADER + 16);
      request.writeUInt32LE(request.length, 0);
      request.writeUInt16LE(type, 4);
      request.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
      const listed = this.#dumps + 1;
      if (!sendTo(this.#fd, request, netlinkAddress(0)))
        throw new Error('owner-watch: cannot ask the kernel');
      while (this.#dumps < listed) this.listen(50);
    }
    this.tell();
  }

  /** Takes in what the kernel says within `ms`. */
  listen(ms: number): void {
    waitReadable(this.#fd, ms);
    for (;;) {
      const length = receive(this.#fd, this.#buffer);
      if (length === undefined) return;
      this.#take(this.#buffer.subarray(0, length));
      if (this.#dumps >= 2) this.tell();
    }
  }

  tell(): void {
    const owns = [...this.#holders].some((index) => this.#running.get(index) === true);
    if (owns === this.#said) return;
    this.#said = owns;
    const line: OwnerLine = { owns, time: Number(process.hrtime.bigint()) / 1e6 };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }

  #take(datagram: Buffer): void {
    for (let at = 0; at + HEADER <= datagram.length; ) {
      const length = datagram.readUInt32LE(at);
      if (length < HEADER) return;
      this.#message(datagram.readUInt16LE(at + 4), datagram.subarray(at + HEADER, at + length));
      at += (length + 3) & ~3;
    }
  }

  #message(type: number, body: Buffer): void {
    switch (type) {
      case NLMSG_DONE:
        this.#dumps++;
        break;
      case RTM_NEWLINK:
      case RTM_DELLINK:
        // Other families tell of a bridge's ports.
        if (body.readUInt8(0) === 0) this.#link(type === RTM_NEWLINK, body);
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        if (!localOf(body).equals(this.#wanted)) break;
        if (type === RTM_NEWADDR) this.#holders.add(body.readUInt32LE(4));
        else this.#holders.delete(body.readUInt32LE(4));
        break;
    }
  }

  /** struct ifinfomsg */
  #link(exists: boolean, body: Buffer): void {
    const index = body.readInt32LE(4);
    const flags = body.readUInt32LE(8);
    if (exists) this.#running.set(index, (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0);
    else this.#running.delete(index);
  }
}

/** struct sockaddr_nl of the kernel or, with groups, of a listener. */
function netlinkAddress(groups: number): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(groups, 8);
  return address;
}

/** The attribute IFA_LOCAL behind struct ifaddrmsg; empty when there is none. */
function localOf(body: Buffer): Buffer {
  for (let at = 8; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4) break;
    if (body.readUInt16LE(at + 2) === IFA_LOCAL) return body.subarray(at + 4, at + length);
    at += (length + 3) & ~3;
  }
  return Buffer.alloc(0);
}

async function main(address: string): Promise<void> {
  const watch = new OwnerWatch(address);
  watch.list();
  for (;;) {
    watch.listen(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const [address = ''] = process.argv.slice(2);
if (import.meta.main) await main(address);
