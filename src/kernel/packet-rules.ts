/**
 * Puts the rules that work for IPVS (packet-ruleset.ts) in a table of ours that nobody else's rules are in.
 *
 * One transaction is not enough to replace them. The new rules hold as soon as the old ones no longer do, but their sets
 * of ranges are still empty then: the kernel puts those in place behind that (nf_tables_commit and nft_pipapo_commit in
 * net/netfilter), a packet or two later for a few elements, hundreds later for thousands. A packet without its mark is
 * not balanced, and a connection that begins without its source NAT never gets one. So there are two tables by turns: one
 * goes when the other is complete.
 */
import type { PacketRules } from '../model/packet-rules.ts';
import { applyRuleset, listTables, NftMissing, RulesetError, type RulesetOptions, readTable } from './nft.ts';
import { watchTables } from './nft-watch.ts';
import { hasRules, packetRuleset, removalOf } from './packet-ruleset.ts';

/** One of them is there, and both while what it holds is replaced, or where that was cut short. */
const TABLES = ['vipward-ipvs', 'vipward-ipvs-2'] as const;
const [FIRST, SECOND] = ['inet vipward-ipvs', 'inet vipward-ipvs-2'] as const;

/**
 * From now on exactly these rules hold; without any our table is removed. There is no moment without the ones that stay,
 * for any packet. Gives the table as nft lists it, for `heldPacketRules` to be compared with. Rejects with NftMissing
 * (never where there are no rules), RulesetError, or the signal's reason: what held before holds on then, with these
 * rules beside it where nft failed behind the first of two transactions.
 */
export async function applyPacketRules(
  rules: PacketRules,
  options?: RulesetOptions,
): Promise<string | undefined> {
  if (hasRules(rules)) return await hold(rules, options);
  try {
    await applyRuleset(`${removalOf(FIRST)}${removalOf(SECOND)}`, `remove table ${FIRST}`, options);
  } catch (error) {
    // Without nft there is no table of ours.
    if (!(error instanceof NftMissing)) throw error;
  }
  return undefined;
}

/** Somebody who flushes everybody's rules again and again is outrun for as long as this. */
const ATTEMPTS = 3;

/** As nft lists it afterwards: a table that is gone by then would be held to be as it is meant. */
async function hold(rules: PacketRules, options: RulesetOptions | undefined): Promise<string> {
  const what = `set ${rules.marks.length} marks and ${rules.sourceNats.length} source NATs`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await replace(rules, what, options);
    const held = await heldPacketRules(options);
    if (held !== undefined) return held;
  }
  throw new RulesetError(what, `somebody has removed table ${FIRST} at once, ${ATTEMPTS} times`);
}

/** Milliseconds that nft has, and more for each rule: ten thousand take 2 s, and on a slow machine many times that. */
const PATIENCE = { least: 10_000, each: 5 };

async function replace(rules: PacketRules, what: string, options: RulesetOptions | undefined): Promise<void> {
  const held = await heldTables(options);
  const [next, former] = held.includes(FIRST) ? [SECOND, FIRST] : [FIRST, SECOND];
  const timeout = PATIENCE.least + PATIENCE.each * lengthOf(rules);
  await applyRuleset(packetRuleset(rules, next), what, { timeout, ...options });
  if (held.includes(former)) await applyRuleset(removalOf(former), `remove table ${former}`, options);
}

const lengthOf = ({ marks, sourceNats }: PacketRules): number =>
  sourceNats.reduce((sum, { realServers }) => sum + realServers.length, marks.length);

async function heldTables(options: RulesetOptions | undefined): Promise<readonly string[]> {
  const all = await listTables(options);
  return [FIRST, SECOND].filter((name) => all.includes(name));
}

/**
 * Our table as nft lists it now; undefined where there is none. Another text than `applyPacketRules` gave: somebody has
 * changed it. Rejects as `applyPacketRules`.
 */
export async function heldPacketRules(options?: RulesetOptions): Promise<string | undefined> {
  const texts: string[] = [];
  for (const name of await heldTables(options)) texts.push((await readTable(name, options)) ?? '');
  const text = texts.join('');
  return text === '' ? undefined : text;
}

/** Tells when somebody, or we ourselves, may have changed our table. Throws as `watchTables`. */
export const watchPacketRules = (onChange: () => void): { close(): void } => watchTables(TABLES, onChange);
