/**
 * A probe: probe.ts ADDRESS INTERVAL PATIENCE. Sends an ICMP echo request every INTERVAL ms (fractions too), which has
 * no answer when none has come after PATIENCE ms, and prints, as JSON lines, a ProbeEvent when the first is answered and after each time span in which none was; after SIGTERM a
 * summary. One blocking loop of its own instead of Node's timers: those are a millisecond wrong either way.
 */
import {
  AF_INET,
  AF_INET6,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  internetAddress,
  openSocket,
  receive,
  SOCK_RAW,
  sendTo,
  setReceiveBuffer,
  waitReadable,
} from './libc.ts';

export interface Gap {
  /** When the first unanswered request was sent, ms since the epoch. */
  readonly from: number;
  /** When the next answered one was sent; at the end of the probing, when the last one was. */
  readonly to: number;
  /** Requests that were lost. */
  readonly lost: number;
}

export type ProbeEvent =
  | { readonly kind: 'answered'; readonly time: number }
  | ({ readonly kind: 'gap' } & Gap)
  | {
      readonly kind: 'summary';
      readonly sent: number;
      readonly answered: number;
      readonly gaps: readonly Gap[];
    };

/** Bytes for the answers of a host that stood still for seconds, which come all at once. */
const ROOM = 32 * 1024 * 1024;
/** How long the loop keeps the thread before it lets signals in. */
const TURN = 20;

interface Echo {
  readonly number: number;
  readonly sent: number;
  answered: boolean;
}

class Probe {
  readonly #ipv6: boolean;
  readonly #fd: number;
  readonly #to: Buffer;
  readonly #patience: number;
  readonly #identifier = process.pid & 0xffff;
  readonly #open: Echo[] = [];
  readonly #gaps: Gap[] = [];
  #sent = 0;
  #last = 0;
  #answered = 0;
  #gap: { readonly from: number; lost: number } | undefined;

  constructor(address: string, patience: number) {
    this.#patience = patience;
    this.#ipv6 = address.includes(':');
    this.#fd = this.#ipv6
      ? openSocket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
      : openSocket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    setReceiveBuffer(this.#fd, ROOM);
    this.#to = internetAddress(address);
  }

  send(): void {
    const request = Buffer.alloc(64);
    request.writeUInt8(this.#ipv6 ? 128 : 8, 0);
    request.writeUInt16BE(this.#identifier, 4);
    request.writeUInt16BE(this.#sent & 0xffff, 6);
    request.writeUInt32BE(this.#sent, 8);
    // Of ICMPv6 the kernel computes it.
    if (!this.#ipv6) request.writeUInt16BE(checksum(request), 2);
    this.#last = performance.now();
    this.#open.push({ number: this.#sent++, sent: this.#last, answered: false });
    sendTo(this.#fd, request, this.#to);
  }

  /** Takes answers until `until`, and settles what is answered or hopeless. */
  listen(until: number): void {
    const packet = Buffer.alloc(2_048);
    waitReadable(this.#fd, until - performance.now());
    for (;;) {
      const length = receive(this.#fd, packet);
      if (length === undefined) break;
      const icmp = packet.subarray(this.#ipv6 ? 0 : ((packet[0] ?? 0) & 15) * 4, length);
      if (icmp.length < 12 || icmp[0] !== (this.#ipv6 ? 129 : 0)) continue;
      if (icmp.readUInt16BE(4) !== this.#identifier) continue;
      const echo = this.#open[icmp.readUInt32BE(8) - (this.#open[0]?.number ?? 0)];
      if (echo !== undefined) echo.answered = true;
    }
    this.#settle(performance.now() - this.#patience);
  }

  get pending(): boolean {
    return this.#open.some((echo) => !echo.answered);
  }

  finish(): void {
    this.#settle(Number.POSITIVE_INFINITY);
    if (this.#gap !== undefined) this.#close(this.#last);
    report({ kind: 'summary', sent: this.#sent, answered: this.#answered, gaps: this.#gaps });
  }

  #settle(hopeless: number): void {
    for (;;) {
      const first = this.#open[0];
      if (first === undefined || (!first.answered && first.sent > hopeless)) return;
      this.#open.shift();
      if (!first.answered) {
        this.#gap ??= { from: first.sent, lost: 0 };
        this.#gap.lost++;
        continue;
      }
      if (this.#answered++ === 0) report({ kind: 'answered', time: performance.timeOrigin + first.sent });
      if (this.#gap !== undefined) this.#close(first.sent);
    }
  }

  #close(to: number): void {
    const { from = to, lost = 0 } = this.#gap ?? {};
    const gap = { from: performance.timeOrigin + from, to: performance.timeOrigin + to, lost };
    this.#gap = undefined;
    this.#gaps.push(gap);
    report({ kind: 'gap', ...gap });
  }
}

function report(event: ProbeEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const letSignalsIn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function main(address: string, interval: number, patience: number): Promise<void> {
  const probe = new Probe(address, patience);
  let running = true;
  process.once('SIGTERM', () => {
    running = false;
  });
  let next = performance.now();
  while (running) {
    for (const end = performance.now() + TURN; performance.now() < end; ) {
      // After a standstill of this machine the missed requests are not made up for.
      next = Math.max(next + interval, performance.now() - interval);
      probe.send();
      while (performance.now() < next) probe.listen(next);
    }
    await letSignalsIn();
  }
  for (const end = performance.now() + patience; probe.pending && performance.now() < end; )
    probe.listen(end);
  probe.finish();
}

const [address = '', interval = '1', patience = '1000'] = process.argv.slice(2);
await main(address, Number(interval), Number(patience));
