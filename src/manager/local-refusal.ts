/**
 * `accept: false` of the configuration, kept in the kernel's packet filter: one change at a time, and put back when
 * somebody takes it away (`nft flush ruleset`, which every restart of nftables.service does). The rules are the same
 * whatever the state of a virtual router, since a backup does not hold the addresses.
 */
import { isRefusing, type RefusedAddress, refuseLocal } from '../kernel/packet-filter.ts';
import type { IpAddress } from '../model/address.ts';
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { milliseconds } from '../model/units.ts';

/** How often it is looked whether the rules are still there, and what was refused is tried again. */
const REPAIR = milliseconds(10_000);
const NOTHING = '[]';

export interface PacketFilter {
  /** See `refuseLocal` and `isRefusing` of kernel/packet-filter.ts. */
  refuse(addresses: readonly RefusedAddress[]): Promise<void>;
  isRefusing(): Promise<boolean>;
}

export interface LocalRefusalOptions {
  readonly log: Log;
  /** The kernel's unless given. */
  readonly filter?: PacketFilter;
}

export class LocalRefusal {
  readonly #log: Log;
  readonly #filter: PacketFilter;
  #wanted: readonly RefusedAddress[] = [];
  /** What holds, as JSON; undefined: not known, since a former process of ours may have left something. */
  #holds: string | undefined;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #closed = false;

  constructor({ log, filter = { refuse: refuseLocal, isRefusing } }: LocalRefusalOptions) {
    this.#log = log;
    this.#filter = filter;
  }

  configure(config: Pick<Config, 'virtualRouters' | 'virtualServers'>): void {
    if (this.#closed) return;
    this.#wanted = refusedAddresses(config);
    void this.#settle();
  }

  /** Takes our rules away; resolves when they are gone, or cannot be removed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = [];
    // What never was known to hold is left to the next process.
    if (this.#holds !== undefined || this.#working !== undefined) await this.#settle();
    clearTimeout(this.#timer);
  }

  /** Never rejects. */
  #settle(): Promise<void> {
    clearTimeout(this.#timer);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#closed || (this.#wanted.length === 0 && !this.#hasRules)) return;
      this.#timer = setTimeout(() => void this.#look(), REPAIR).unref();
    });
    return this.#working;
  }

  /** What is wanted may change while it is being put in place. */
  async #work(): Promise<void> {
    for (;;) {
      const wanted = this.#wanted;
      const definition = JSON.stringify(wanted);
      if (definition === this.#holds) return;
      try {
        await this.#filter.refuse(wanted);
        this.#holds = definition;
        this.#problem = undefined;
      } catch (error) {
        this.#complain(wanted, error);
        if (this.#wanted === wanted) return;
      }
    }
  }

  /** Whether rules of this process are there, as far as is known. */
  get #hasRules(): boolean {
    return this.#holds !== undefined && this.#holds !== NOTHING;
  }

  async #look(): Promise<void> {
    const definition = this.#holds;
    if (this.#hasRules) {
      // Where it cannot be told, putting them in place again tells why.
      const there = await this.#filter.isRefusing().catch(() => false);
      if (!there && this.#holds === definition) {
        this.#log('warn', 'accept: false: somebody removed the table vipward of nftables: it is put back');
        this.#holds = undefined;
      }
    }
    if (!this.#closed) await this.#settle();
  }

  #complain(wanted: readonly RefusedAddress[], error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (why === this.#problem) return;
    this.#problem = why;
    if (wanted.length > 0) {
      this.#log('error', `accept: false has no effect, this host answers on its virtual addresses: ${why}`);
      return;
    }
    // A kernel that refuses to have a table removed most likely knows no tables.
    const level = this.#hasRules ? 'error' : 'debug';
    this.#log(level, `the rules of accept: false cannot be removed: ${why}`);
  }
}

/** Where the director is a real server of its own, that service must be answered. */
function refusedAddresses({
  virtualRouters,
  virtualServers,
}: Pick<Config, 'virtualRouters' | 'virtualServers'>): readonly RefusedAddress[] {
  return virtualRouters
    .filter(({ accept }) => !accept)
    .flatMap(({ addresses }) => addresses)
    .map(({ address }) => ({
      address,
      services: virtualServers
        .flatMap(({ entries }) => entries)
        .filter((entry) => entry.kind === 'address')
        .filter((entry) => entry.address === address)
        .map(({ protocol, port }) => ({ protocol, port })),
      marks: virtualServers.filter((server) => mayMark(server, address)).flatMap(marksOf),
    }));
}

/** What somebody else marks may be sent to any address. */
const mayMark = ({ match }: ConfiguredVirtualServer, address: IpAddress): boolean =>
  match.length === 0 || match.some((each) => each.address === address);

const marksOf = ({ entries }: ConfiguredVirtualServer): readonly number[] =>
  entries.flatMap((entry) => (entry.kind === 'mark' ? [entry.mark] : []));
