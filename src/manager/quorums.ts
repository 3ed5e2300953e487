/** The quorum of every virtual server: kept from one change of health to the next, logged, and told when it changes. */
import { type Assessment, assess, type QuorumState } from '../balance/quorum.ts';
import type { HealthOf } from '../balance/standing.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import type { OverrideOf } from '../model/override.ts';

export interface QuorumEvent extends Assessment {
  readonly name: string;
  readonly state: 'gained' | 'lost';
  /** What it takes. */
  readonly weight: number;
}

export interface QuorumBookOptions {
  readonly log: Log;
  readonly healthOf: HealthOf;
  readonly overrideOf: OverrideOf;
  readonly onChange: (event: QuorumEvent) => void;
}

const NOTHING_KNOWN: Assessment = { state: 'unknown', healthy: 0, unchecked: 0 };

export class QuorumBook {
  readonly #options: QuorumBookOptions;
  #assessments: ReadonlyMap<string, Assessment> = new Map();

  constructor(options: QuorumBookOptions) {
    this.#options = options;
  }

  /** As it was assessed last; of a definition that is new: nothing is known. */
  of(name: string): Assessment {
    return this.#assessments.get(name) ?? NOTHING_KNOWN;
  }

  readonly before = (name: string): QuorumState => this.of(name).state;

  /** Assesses all anew; those that are gone are forgotten. */
  update(virtualServers: readonly ConfiguredVirtualServer[]): void {
    const { healthOf, overrideOf } = this.#options;
    const before = this.#assessments;
    this.#assessments = new Map(
      virtualServers.map((server) => [
        server.name,
        assess(server, healthOf, before.get(server.name)?.state ?? 'unknown', overrideOf),
      ]),
    );
    this.#compare(virtualServers, before);
  }

  /** The same of some only; what is known of all others stays. */
  updateOnly(virtualServers: readonly ConfiguredVirtualServer[]): void {
    const { healthOf, overrideOf } = this.#options;
    const before = this.#assessments;
    const now = new Map(before);
    for (const server of virtualServers)
      now.set(server.name, assess(server, healthOf, this.before(server.name), overrideOf));
    this.#assessments = now;
    this.#compare(virtualServers, before);
  }

  #compare(
    virtualServers: readonly ConfiguredVirtualServer[],
    before: ReadonlyMap<string, Assessment>,
  ): void {
    for (const { name, quorum } of virtualServers) {
      const now = this.of(name);
      const was = before.get(name)?.state ?? 'unknown';
      if (now.state !== 'unknown' && now.state !== was)
        this.#tell({ ...now, state: now.state, name, weight: quorum.weight }, was);
    }
  }

  #tell(event: QuorumEvent, was: QuorumState): void {
    this.#options.onChange(event);
    const { name, state, healthy, weight } = event;
    // At the start of a thousand that are as they should be there is nothing to say.
    if (state === 'gained' && was === 'unknown') return;
    const level = state === 'gained' ? 'info' : 'warn';
    const message = `virtual server ${name}: quorum ${state} (healthy weight ${healthy}, quorum ${weight})`;
    this.#options.log(level, message, { service: name, quorum: state, healthy, weight });
  }
}
