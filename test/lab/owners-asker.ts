/**
 * owners-asker.ts DEVICE SENDER ADDRESS INTERVAL: asks by ARP for ADDRESS every INTERVAL ms, as a host without any
 * cache would, and prints each answer as a JSON line: who gave it, and when the kernel received it. SIGTERM ends it.
 */
import { readFileSync } from 'node:fs';
import { FrameSocket } from './support/frames.ts';

export interface Answer {
  readonly mac: string;
  /** Ms since 1970. */
  readonly time: number;
}

/** Ethernet and RFC 826. */
function request(mac: Buffer, sender: string, target: string): Buffer {
  const ip = (address: string): Buffer => Buffer.from(address.split('.').map(Number));
  const head = Buffer.from('08060001080006040001', 'hex');
  return Buffer.concat([Buffer.alloc(6, 0xff), mac, head, mac, ip(sender), Buffer.alloc(6), ip(target)]);
}

const isAnswer = (frame: Buffer, target: Buffer): boolean =>
  frame.readUInt16BE(12) === 0x0806 && frame.readUInt16BE(20) === 2 && frame.subarray(28, 32).equals(target);

async function main(device: string, sender: string, target: string, interval: number): Promise<void> {
  const mac = readFileSync(`/sys/class/net/${device}/address`, 'utf8').trim().replaceAll(':', '');
  const question = request(Buffer.from(mac, 'hex'), sender, target);
  const wanted = Buffer.from(target.split('.').map(Number));
  const socket = new FrameSocket(device);
  for (;;) {
    socket.send(question);
    for (const end = performance.now() + interval; performance.now() < end; ) {
      for (const { frame, time } of socket.within(end - performance.now())) {
        if (frame.length < 42 || !isAnswer(frame, wanted)) continue;
        const answer: Answer = { mac: frame.subarray(22, 28).toString('hex'), time };
        process.stdout.write(`${JSON.stringify(answer)}\n`);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const [device = '', sender = '', target = '', interval = ''] = process.argv.slice(2);
await main(device, sender, target, Number(interval));
