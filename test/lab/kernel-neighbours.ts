/** kernel-neighbours.ts INTERFACE ADDRESS…: has the kernel keep a place in its neighbour table for each. */
import { openGroupNeighbours } from '../../src/kernel/group-neighbours.ts';
import { openLinks } from '../../src/kernel/links.ts';
import type { IpAddress } from '../../src/model/address.ts';

const [name = '', ...peers] = process.argv.slice(2);
const links = openLinks();
const link = links.list().find((each) => each.name === name);
links.close();
if (link === undefined) throw new Error(`there is no ${name}`);
const neighbours = openGroupNeighbours();
for (const peer of peers) neighbours.keep(link.index, peer as IpAddress);
neighbours.close();
