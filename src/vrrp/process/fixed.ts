/** Addresses, routes and rules that are there whatever the state of any virtual router; put back when they go. */
import type { Routes } from '../../kernel/routes.ts';
import type { Rules } from '../../kernel/rules.ts';
import type { FixedNetwork } from '../../model/config.ts';
import type { NetInterface } from './net-interface.ts';
import type { ThrottledLog } from './throttle.ts';

export interface FixedContext {
  readonly routes: Pick<Routes, 'put' | 'remove'>;
  readonly rules: Pick<Rules, 'put' | 'remove'>;
  readonly complain: ThrottledLog;
  interfaceOf(name: string): NetInterface | undefined;
}

const NONE: FixedNetwork = { addresses: [], routes: [], rules: [] };

export class Fixed {
  readonly #context: FixedContext;
  #network: FixedNetwork = NONE;

  constructor(context: FixedContext) {
    this.#context = context;
  }

  /** Puts what is new before it removes what is not wanted any more. */
  configure(network: FixedNetwork): void {
    const before = this.#network;
    this.#network = network;
    this.restore();
    const rules = missingIn(before.rules, network.rules);
    const routes = missingIn(before.routes, network.routes);
    this.#tell('remove', this.#context.rules.remove(rules));
    this.#tell('remove', this.#context.routes.remove(routes));
    for (const address of missingIn(before.addresses, network.addresses)) {
      this.#context.interfaceOf(address.device)?.remove([address]);
    }
  }

  /** Puts what is missing; does nothing where all is there. To be called when links, addresses or routes changed. */
  restore(): void {
    const { addresses, routes, rules } = this.#network;
    for (const [device, wanted] of Map.groupBy(addresses, (address) => address.device)) {
      const port = this.#context.interfaceOf(device);
      const held = new Set((port?.held ?? []).map(({ prefix }) => prefix.address));
      port?.put(
        wanted
          .filter(({ address }) => !held.has(address))
          .map((address) => ({ ...address, preferred: true })),
        'forever',
      );
    }
    if (routes.length > 0) this.#tell('put', this.#context.routes.put(routes));
    if (rules.length > 0) this.#tell('put', this.#context.rules.put(rules));
  }

  /** Takes everything away: the daemon stops. */
  withdraw(): void {
    this.configure(NONE);
  }

  #tell(verb: string, refusals: readonly { readonly error: Error }[]): void {
    for (const { error } of refusals) {
      this.#context.complain(`static ${verb}`, 'warn', `static: cannot ${verb}: ${error.message}`);
    }
  }
}

/** Plain data: equal when their text is. */
function missingIn<T>(list: readonly T[], other: readonly T[]): readonly T[] {
  const known = new Set(other.map((item) => JSON.stringify(item)));
  return list.filter((item) => !known.has(JSON.stringify(item)));
}
