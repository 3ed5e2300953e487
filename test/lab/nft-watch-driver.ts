/** Prints a line when the table `vipward-ipvs` of the node that it runs on may have been changed, and one at its start. */
import { watchTable } from '../../src/kernel/nft-watch.ts';

watchTable('vipward-ipvs', () => console.log('changed'));
console.log('watching');
