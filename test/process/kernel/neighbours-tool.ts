/**
 * neighbours-tool.ts INTERFACE: announces and asks by lines of JSON on standard input; every claim that is heard comes
 * out as a line of JSON.
 */
import { createInterface } from 'node:readline';
import { openAnnouncer } from '../../../src/kernel/announce.ts';
import { openLinks } from '../../../src/kernel/links.ts';
import { openNeighbours } from '../../../src/kernel/neighbours.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { Reactor } from '../../../src/sys/reactor.ts';

export type Order =
  | { readonly order: 'announce' | 'watch'; readonly addresses: readonly IpAddress[] }
  | { readonly order: 'ask'; readonly address: IpAddress; readonly source?: IpAddress };

const [name = ''] = process.argv.slice(2);
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

function main(): void {
  const links = openLinks();
  const link = links.list().find((each) => each.name === name);
  links.close();
  if (link === undefined) throw new Error(`there is no ${name}`);
  const announcer = openAnnouncer(link);
  const neighbours = openNeighbours(new Reactor(), link);
  neighbours.onAnswer((claim) => say(claim));
  neighbours.onError((error) => say({ error: String(error) }));
  createInterface({ input: process.stdin }).on('line', (line) => {
    const order: Order = JSON.parse(line);
    try {
      if (order.order === 'ask') neighbours.ask(order.address, order.source);
      else if (order.order === 'watch') neighbours.watch(order.addresses);
      else announcer.announce(order.addresses);
      say({ done: order.order });
    } catch (error) {
      say({ failed: error instanceof Error ? error.message : String(error) });
    }
  });
}

if (import.meta.main) main();
