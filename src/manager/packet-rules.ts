/** Keeps the marks and the source NAT that virtual servers need in the kernel's packet filter. */
import { packetRuleChanges } from '../balance/packet-rule-words.ts';
import { packetRulesOf } from '../balance/packet-rules.ts';
import { applyPacketRules, heldPacketRules } from '../kernel/packet-rules.ts';
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import type { PacketRules } from '../model/packet-rules.ts';
import { KeptRules } from './kept-rules.ts';

const NONE: PacketRules = { marks: [], sourceNats: [] };

export interface PacketRulesKernel {
  /** See `applyPacketRules` and `heldPacketRules` of kernel/packet-rules.ts. */
  apply(rules: PacketRules): Promise<string | undefined>;
  held(): Promise<string | undefined>;
}

export interface PacketRulesOptions {
  readonly log: Log;
  /** The kernel's unless given. */
  readonly kernel?: PacketRulesKernel;
}

export class PacketRulesKeeper {
  readonly #log: Log;
  readonly #rules: KeptRules<PacketRules>;
  #wanted = NONE;
  /** As it was applied last, in nft's words. */
  #listing: string | undefined;

  constructor({ log, kernel = { apply: applyPacketRules, held: heldPacketRules } }: PacketRulesOptions) {
    this.#log = log;
    this.#rules = new KeptRules({
      log,
      none: NONE,
      apply: async (rules: PacketRules) => {
        this.#listing = await kernel.apply(rules);
      },
      areThere: async () => (await kernel.held()) === this.#listing,
      words: {
        rules: 'marks and source NAT of virtual servers',
        without: 'virtual servers by mark get no packets and fullnat gets no replies',
        table: 'the table vipward-ipvs of nftables',
      },
    });
  }

  /** What is not as the virtual servers need it, in words; for `status`. */
  get problems(): readonly string[] {
    const { problem } = this.#rules;
    return problem === undefined ? [] : [problem];
  }

  /** Resolves with what was changed, in words, when that is in place or was refused, which is logged. Never rejects. */
  async configure({ virtualServers }: Pick<Config, 'virtualServers'>): Promise<readonly string[]> {
    const wanted = packetRulesOf(virtualServers);
    const changes = packetRuleChanges(this.#rules.inForce, wanted);
    this.#wanted = wanted;
    if (changes.length === 0) {
      // Most have none: what a former process may have left is removed when the table is filled, and nobody waits.
      setImmediate(() => void this.#rules.want(this.#wanted));
      return [];
    }
    await this.#rules.want(wanted);
    if (this.#rules.problem !== undefined) return [];
    for (const change of changes) this.#log('info', change);
    return changes;
  }

  /** What `config` would change of what holds, in words. */
  preview({ virtualServers }: Pick<Config, 'virtualServers'>): readonly string[] {
    return packetRuleChanges(this.#rules.inForce, packetRulesOf(virtualServers));
  }

  /** Takes our rules away; resolves when they are gone, or cannot be removed. */
  close(): Promise<void> {
    return this.#rules.close();
  }
}
