/**
 * Makes and removes macvlans on eth0, and refuses local packets, on the node that it runs on. Prints one line of JSON:
 *
 *   make NAME MAC up|down ADDRESS/LENGTH...     up NAME | down NAME     remove NAME     list
 *   leave NAME ADDRESS/LENGTH     silences it and removes the address; gives its reports of groups until then
 *   again NAME       removes it and makes it again at once
 *   waver NAME       sets it down, up, down and up again
 *   refuse JSON      accept                     (see packet-filter.ts)
 */
import { readFileSync } from 'node:fs';
import { openAddresses } from '../../src/kernel/addresses.ts';
import { openLinks } from '../../src/kernel/links.ts';
import { type Macvlan, openMacvlans } from '../../src/kernel/macvlan.ts';
import { acceptLocal, refuseLocal } from '../../src/kernel/packet-filter.ts';
import type { IpAddress, MacAddress, Prefix } from '../../src/model/address.ts';

const [verb = '', ...rest] = process.argv.slice(2);
const macvlans = openMacvlans();
try {
  console.log(JSON.stringify((await run()) ?? 'done'));
  // What was to make room as well.
  await macvlans.settled();
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
}

async function run(): Promise<unknown> {
  const [name = '', mac = '', state = '', ...addresses] = rest;
  const prefix = (text: string): Prefix => {
    const [address = '', length] = text.split('/');
    return { address: address as IpAddress, length: Number(length) };
  };
  const own = (): Macvlan => {
    const found = macvlans.listOwn().find((each) => each.name === name);
    if (found === undefined) throw new Error(`${name} is not ours`);
    return found;
  };
  switch (verb) {
    case 'make': {
      const parent = openLinks()
        .list()
        .find((link) => link.name === 'eth0');
      const spec = { parent: parent?.index ?? 0, name, mac: mac as MacAddress, up: state === 'up' };
      const made = macvlans.create(spec);
      for (const { error } of openAddresses().put(made.index, addresses.map(prefix), 'forever')) throw error;
      return made;
    }
    case 'up':
    case 'down':
      return macvlans.setUp(own().index, verb === 'up');
    case 'leave': {
      // Adopted first, as the daemon has it.
      const { index } = macvlans.create(own());
      const reports = readFileSync(`/proc/net/dev_snmp6/${name}`, 'utf8');
      macvlans.setSilent(index, true);
      for (const { error } of openAddresses().remove(index, [prefix(mac)])) throw error;
      return Number(/^Icmp6OutMLDv2Reports\s+(\d+)/m.exec(reports)?.[1]);
    }
    case 'remove':
      macvlans.remove(own().index);
      return await macvlans.settled();
    case 'again': {
      const before = own();
      macvlans.remove(before.index);
      const after = macvlans.create(before);
      await macvlans.settled();
      return [before.index, after.index, macvlans.listOwn().map(({ index }) => index)];
    }
    case 'waver': {
      const { index } = own();
      for (const up of [false, true, false, true]) macvlans.setUp(index, up);
      await macvlans.settled();
      return own().up;
    }
    case 'list':
      return macvlans.listOwn();
    case 'refuse':
      return await refuseLocal(JSON.parse(name));
    case 'accept':
      return await acceptLocal();
    default:
      throw new Error(`no such verb: ${verb}`);
  }
}
