/**
 * Sets and reads the packet rules for IPVS on the node that it runs on: `JSON…`, one after the other. Prints what the
 * kernel holds after each, whether it is what was given, and what it holds in the end, as one line of JSON.
 */
import { applyPacketRules, heldPacketRules } from '../../src/kernel/packet-rules.ts';
import type { PacketRules } from '../../src/model/packet-rules.ts';

const given: (string | undefined)[] = [];
for (const rules of process.argv.slice(2))
  given.push(await applyPacketRules(JSON.parse(rules) as PacketRules));
console.log(
  JSON.stringify({ given: given.map((text) => text ?? null), held: (await heldPacketRules()) ?? null }),
);
