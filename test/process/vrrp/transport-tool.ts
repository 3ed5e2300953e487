/**
 * transport-tool.ts INTERFACE raw|udp FAMILY|SOURCE: one transport, driven by lines of JSON on standard input and
 * answered on standard output: what was done (`{"done":…}`), what failed (`{"failed":…}`) and every message that came.
 */
import { createInterface } from 'node:readline';
import { openLinks } from '../../../src/kernel/links.ts';
import type { Family, IpAddress } from '../../../src/model/address.ts';
import { Reactor } from '../../../src/sys/reactor.ts';
import { RawTransport } from '../../../src/vrrp/process/transport/raw.ts';
import type { RemoteInfo, Transport } from '../../../src/vrrp/process/transport/transport.ts';
import { UdpTransport } from '../../../src/vrrp/process/transport/udp.ts';

export type Order =
  | { readonly order: 'join' | 'leave' | 'drain' | 'close' }
  | { readonly order: 'vrids'; readonly vrids: readonly number[] }
  /** `bytes` in hexadecimal. */
  | {
      readonly order: 'send';
      readonly bytes: string;
      readonly to: IpAddress | 'group';
      readonly from: IpAddress;
    };

export type Answer =
  | { readonly done: Order['order'] | 'open' }
  | { readonly failed: string }
  | { readonly error: string }
  | { readonly bytes: string; readonly remote: RemoteInfo };

export const UDP_PORT = 1_120;

const say = (answer: Answer): boolean => process.stdout.write(`${JSON.stringify(answer)}\n`);

function open(name: string, kind: string, which: string): Transport {
  const links = openLinks();
  const link = links.list().find((each) => each.name === name);
  links.close();
  if (link === undefined) throw new Error(`there is no ${name}`);
  return kind === 'raw'
    ? new RawTransport(new Reactor(), link, which as Family)
    : new UdpTransport({ interface: link, source: which as IpAddress, port: UDP_PORT });
}

function obey(transport: Transport, order: Order): void {
  if (order.order === 'vrids') transport.setVrids(order.vrids);
  else if (order.order === 'send') transport.send(Buffer.from(order.bytes, 'hex'), order.to, order.from);
  else if (order.order === 'drain' || order.order === 'close') transport[order.order]();
  else if (transport instanceof RawTransport)
    transport[order.order === 'join' ? 'joinGroup' : 'leaveGroup']();
}

function main([name = '', kind = '', which = '']: readonly string[]): void {
  const transport = open(name, kind, which);
  transport.on('message', (message, remote) => say({ bytes: Buffer.from(message).toString('hex'), remote }));
  transport.on('error', (error) => say({ error: error.message }));
  say({ done: 'open' });
  createInterface({ input: process.stdin }).on('line', (line) => {
    const order: Order = JSON.parse(line);
    try {
      obey(transport, order);
      say({ done: order.order });
    } catch (error) {
      say({ failed: error instanceof Error ? error.message : String(error) });
    }
  });
}

if (import.meta.main) main(process.argv.slice(2));
