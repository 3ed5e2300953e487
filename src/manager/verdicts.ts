/** Answers verdicts of checks: by the quorums of the configuration, and by what the table is configured with. */
import { concernedBy } from '../balance/targets.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';

export interface VerdictsOptions {
  /**
   * Given the definitions of the configuration that a verdict is about, also ahead of the table: a quorum is about the
   * file and health alone. To be told of it a moment early does no harm: a script that the file has replaced hears it in
   * the place of its successor, as with any change right before the reload, and a tracked service that is no more is
   * not known, which neither faults a virtual router nor starts one.
   */
  readonly onQuorums: (virtualServers: readonly ConfiguredVirtualServer[]) => void;
  /** Given those of the table. */
  readonly onTable: (virtualServers: readonly ConfiguredVirtualServer[]) => void;
}

type Concerned = ReturnType<typeof concernedBy>;

export class Verdicts {
  readonly #options: VerdictsOptions;
  #concerned: Concerned = new Map();
  /**
   * Of a new configuration the table hears after the kernel is prepared for it (modules, settings, source NAT), which
   * may take seconds: by a definition of it, a verdict would send clients where nothing is ready for them.
   */
  #inTable: Concerned = new Map();
  /** Targets with another verdict, not yet answered. */
  #waiting = new Set<string>();

  constructor(options: VerdictsOptions) {
    this.#options = options;
  }

  /** The configuration, ahead of the table. */
  configure(virtualServers: readonly ConfiguredVirtualServer[]): void {
    this.#concerned = concernedBy(virtualServers);
  }

  /** The table has these definitions, too. */
  configureTable(): void {
    this.#inTable = this.#concerned;
  }

  /** Verdicts that arrive together are answered by one reconciliation. */
  take(targets: readonly string[]): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#answer());
    for (const id of targets) this.#waiting.add(id);
  }

  /** One verdict among ten thousand must not wait until the whole table is thought over. */
  #answer(): void {
    const targets = this.#waiting;
    this.#waiting = new Set();
    this.#options.onQuorums(definitionsOf(targets, this.#concerned));
    this.#options.onTable(definitionsOf(targets, this.#inTable));
  }
}

/** Those that these targets decide about. */
function definitionsOf(
  targets: ReadonlySet<string>,
  concerned: Concerned,
): readonly ConfiguredVirtualServer[] {
  const definitions = new Set<ConfiguredVirtualServer>();
  for (const id of targets) for (const each of concerned.get(id) ?? []) definitions.add(each);
  return [...definitions];
}
