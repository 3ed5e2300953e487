/** Keeps the marks and the source NAT that virtual servers need in the kernel's packet filter. */
import { packetRuleChanges } from '../balance/packet-rule-words.ts';
import { outgoingSourceNats, packetRulesOf, stillTranslated } from '../balance/packet-rules.ts';
import { sourceNatsIn } from '../kernel/held-source-nats.ts';
import { applyPacketRules, heldPacketRules, watchPacketRules } from '../kernel/packet-rules.ts';
import type { IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import type { ActualTable } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { PacketRules, SourceNatRule } from '../model/packet-rules.ts';
import { reasonOf } from '../model/reason.ts';
import { milliseconds } from '../model/units.ts';
import { ONCE_UNUSED, remnantsOf } from '../prepare/remnants.ts';
import { KeptRules } from './kept-rules.ts';

const NONE: PacketRules = { marks: [], sourceNats: [] };
/** How often it is looked whether the table still needs what the configuration does not. */
const LOOK_INTERVAL = milliseconds(10_000);

export interface PacketRulesKernel {
  /** See `applyPacketRules` and `heldPacketRules` of kernel/packet-rules.ts. */
  apply(rules: PacketRules): Promise<string | undefined>;
  held(): Promise<string | undefined>;
  /** See `watchPacketRules` of kernel/packet-rules.ts. */
  watch(onChange: () => void): { close(): void };
}

export interface PacketRulesOptions {
  readonly log: Log;
  /** IPVS's, as the kernel holds it, as far as is known; undefined: it cannot be read. */
  readonly table: () => ActualTable | undefined;
  /** Told by `inForce`, then or later, that the marks are set. */
  readonly onMarks?: () => void;
  /** The kernel's unless given. */
  readonly kernel?: PacketRulesKernel;
}

type Configured = Pick<Config, 'virtualServers'>;

export class PacketRulesKeeper {
  readonly #log: Log;
  readonly #rules: KeptRules<PacketRules>;
  readonly #table: () => ActualTable | undefined;
  readonly #onMarks: () => void;
  readonly #held: PacketRulesKernel['held'];
  #config: Configured | undefined;
  #wanted = NONE;
  /** See `awaits`. */
  #awaited: ReadonlySet<SourceNatRule['to']> = new Set();
  #timer: NodeJS.Timeout | undefined;
  /** As it was applied last, in nft's words. */
  #listing: string | undefined;

  constructor({
    log,
    table,
    onMarks = () => undefined,
    kernel = {
      apply: applyPacketRules,
      held: heldPacketRules,
      watch: watchPacketRules,
    },
  }: PacketRulesOptions) {
    this.#log = log;
    this.#table = table;
    this.#onMarks = onMarks;
    this.#held = () => kernel.held();
    this.#rules = new KeptRules({
      log,
      none: NONE,
      apply: async (rules: PacketRules) => {
        this.#listing = await kernel.apply(rules);
      },
      areThere: async () => (await kernel.held()) === this.#listing,
      watch: (onChange) => kernel.watch(onChange),
      words: {
        rules: 'marks and source NAT of virtual servers',
        without: 'virtual servers by mark get no packets and fullnat gets no replies',
        table: 'the table vipward-ipvs (or vipward-ipvs-2) of nftables',
      },
    });
  }

  /** What is not as the virtual servers need it, in words; for `status`. */
  get problems(): readonly string[] {
    const { problem } = this.#rules;
    return problem === undefined ? [] : [problem];
  }

  /**
   * At the start: source NAT that a former process left behind holds for real servers that are in the table still. What
   * cannot be read is not known, and nothing depends on it but those. Never rejects.
   */
  async adopt(): Promise<void> {
    try {
      const sourceNats = sourceNatsIn((await this.#held()) ?? '');
      if (sourceNats.length > 0) this.#rules.adopt({ marks: [], sourceNats });
    } catch (error) {
      const why = reasonOf(error);
      this.#log('debug', `source NAT of a former process is not known: ${why}`);
    }
  }

  /**
   * Ahead of the table, whose real servers keep their source NAT. Marks stay as they were until `setMarks`; at the start,
   * when nobody knows them, they are set. Resolves with what was changed, in words, when that is in place or was refused,
   * which is logged. Never rejects.
   */
  async configure(config: Configured): Promise<readonly string[]> {
    clearTimeout(this.#timer);
    const marks =
      this.#config === undefined ? packetRulesOf(config.virtualServers).marks : this.#wanted.marks;
    this.#config = config;
    return await this.#want({ ...this.#meant(config, () => undefined), marks });
  }

  /** Behind what is new in the table, and ahead of what goes from it. Resolves as `configure`. */
  async setMarks(): Promise<readonly string[]> {
    return await this.#want({ ...this.#wanted, marks: this.#marks });
  }

  /** Whether they are those of the configuration, as far as is known. */
  get marksAreSet(): boolean {
    const { inForce } = this.#rules;
    return packetRuleChanges({ ...NONE, marks: inForce.marks }, { ...NONE, marks: this.#marks }).length === 0;
  }

  get #marks(): PacketRules['marks'] {
    return packetRulesOf(this.#config?.virtualServers ?? []).marks;
  }

  /**
   * Behind the table: takes away what only real servers needed that have left it, and goes on to look for them. Resolves
   * as `configure`, with what is to go later, too.
   */
  async inForce(): Promise<readonly string[]> {
    clearTimeout(this.#timer);
    const config = this.#config;
    if (config === undefined) return [];
    const next = this.#meant(config, this.#table);
    const isSame = packetRuleChanges(this.#wanted, next).length === 0 && isSameTranslated(this.#wanted, next);
    const changes = isSame ? [] : await this.#want(next);
    // Whoever brings another one meanwhile says when its marks may be set.
    if (this.#config !== config) return changes;
    const later = packetRuleChanges(next, packetRulesOf(config.virtualServers));
    const isSet = this.marksAreSet;
    if (isSet) this.#onMarks();
    if (later.length > 0 || !isSet || next.translated !== undefined)
      this.#timer = setTimeout(() => void this.inForce(), LOOK_INTERVAL).unref();
    return [...changes, ...later.map((text) => `${text}${ONCE_UNUSED}`)];
  }

  /** `addresses`: see `PacketRules.awaited`; those of no source NAT do not count. */
  awaits(addresses: readonly IpAddress[]): void {
    this.#awaited = new Set(addresses);
    const next = this.#withAwaited(this.#wanted);
    if (next.awaited?.join() === this.#wanted.awaited?.join()) return;
    this.#wanted = next;
    void this.#rules.want(next);
  }

  #withAwaited({ marks, sourceNats, translated }: PacketRules): PacketRules {
    const sources = new Set(sourceNats.map(({ to }) => to));
    const awaited = [...sources].filter((to): to is IpAddress => to !== 'auto' && this.#awaited.has(to));
    return {
      marks,
      sourceNats,
      ...(awaited.length === 0 ? {} : { awaited }),
      ...(translated === undefined ? {} : { translated }),
    };
  }

  /** What `config` takes, and what the real servers that it no longer has take for as long as they are in `table`. */
  #meant({ virtualServers }: Configured, table: () => ActualTable | undefined): PacketRules {
    const wanted = this.#withAwaited(packetRulesOf(virtualServers));
    const { inForce } = this.#rules;
    const isGoing = outgoingSourceNats(inForce, wanted, () => true).length > 0;
    if (!isGoing && inForce.translated === undefined) return wanted;
    const held = table();
    const left = held && new Set(remnantsOf(held, virtualServers).flatMap(addressesOf));
    const outgoing = outgoingSourceNats(inForce, wanted, (address) => left?.has(address) ?? true);
    const rules = { ...wanted, sourceNats: [...wanted.sourceNats, ...outgoing] };
    const busy = held && new Set(held.flatMap(busyIn));
    const translated = stillTranslated(inForce, rules, (address) => busy?.has(address) ?? true);
    return this.#withAwaited(translated.length === 0 ? rules : { ...rules, translated });
  }

  async #want(wanted: PacketRules): Promise<readonly string[]> {
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

  /** What `config` would change of what holds, in words. `tableAfter`: as it would be right after the change. */
  preview(config: Configured, tableAfter: () => ActualTable | undefined): readonly string[] {
    const next = this.#meant(config, tableAfter);
    const later = packetRuleChanges(next, packetRulesOf(config.virtualServers));
    return [...packetRuleChanges(this.#rules.inForce, next), ...later.map((text) => `${text}${ONCE_UNUSED}`)];
  }

  /** Takes our rules away; resolves when they are gone, or cannot be removed. */
  close(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#rules.close();
  }
}

const isSameTranslated = (one: PacketRules, other: PacketRules): boolean =>
  one.translated?.join() === other.translated?.join();

/** Those with connections. */
const busyIn = ({ realServers }: ActualTable[number]): readonly IpAddress[] =>
  realServers
    .filter(({ connections: { active, inactive } }) => active + inactive > 0)
    .map(({ address }) => address);

const addressesOf = ({ realServers }: ReturnType<typeof remnantsOf>[number]) =>
  realServers.map(({ address }) => address);
