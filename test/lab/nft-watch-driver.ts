/** Prints a line when a table of packet rules of the node that it runs on may have been changed, and one at its start. */
import { watchTables } from '../../src/kernel/nft-watch.ts';

watchTables(['vipward-ipvs', 'vipward-ipvs-2'], () => console.log('changed'));
console.log('watching');
