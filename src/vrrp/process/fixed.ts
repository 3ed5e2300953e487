/** Addresses, routes and rules that are there whatever the state of any virtual router; put back when they go. */
import type { FixedNetwork } from '../../model/config.ts';
import { reasonOf } from '../../model/reason.ts';
import type { NetInterface } from './net-interface.ts';
import { type Routing, type RoutingKernel, reroute } from './rerouting.ts';
import type { ThrottledLog } from './throttle.ts';

export type FixedAddress = FixedNetwork['addresses'][number];

export interface FixedContext extends RoutingKernel {
  readonly complain: ThrottledLog;
  interfaceOf(name: string): NetInterface | undefined;
  /** Whether a virtual router holds it: then it is not to be removed. */
  isLeased(address: FixedAddress): boolean;
}

const NONE: FixedNetwork = { addresses: [], routes: [], rules: [] };

export class Fixed {
  readonly #context: FixedContext;
  #network: FixedNetwork = NONE;

  constructor(context: FixedContext) {
    this.#context = context;
  }

  get network(): FixedNetwork {
    return this.#network;
  }

  /** Puts what is new before it removes what is not wanted any more; what the `others` have stays. */
  configure(network: FixedNetwork, others: readonly Routing[]): void {
    const before = this.#network;
    this.#network = network;
    this.#putAddresses();
    // With another length it is another address of the same name, but for IPv6.
    this.#put(missingIn(network.addresses, before.addresses));
    reroute(this.#context, {
      before,
      after: network,
      kept: others,
      onRefused: (verb, error) => this.#complain(verb, error),
    });
    const gone = missingIn(before.addresses, network.addresses).filter(
      (address) => !this.#context.isLeased(address),
    );
    for (const address of gone) this.#context.interfaceOf(address.device)?.remove([address]);
    const isGone = ({ address, device }: FixedAddress): boolean =>
      gone.some((each) => each.address === address && each.device === device);
    this.#put(network.addresses.filter(isGone));
  }

  /** Puts what is missing; does nothing where all is there. To be called when links, addresses or routes changed. */
  restore(): void {
    this.#putAddresses();
    const { routes, rules } = this.#network;
    if (routes.length > 0) this.#tell(this.#context.routes.put(routes));
    if (rules.length > 0) this.#tell(this.#context.rules.put(rules));
  }

  /** Takes everything away: the daemon stops. */
  withdraw(): void {
    this.configure(NONE, []);
  }

  #putAddresses(): void {
    const isHeld = ({ address, device }: FixedAddress): boolean =>
      this.#context.interfaceOf(device)?.held.some(({ prefix }) => prefix.address === address) === true;
    this.#put(this.#network.addresses.filter((address) => !isHeld(address)));
  }

  #put(addresses: readonly FixedAddress[]): void {
    for (const [device, wanted] of Map.groupBy(addresses, (address) => address.device)) {
      const preferred = wanted.map((address) => ({ ...address, preferred: true }));
      this.#context.interfaceOf(device)?.put(preferred, 'forever');
    }
  }

  #tell(refusals: readonly { readonly error: Error }[]): void {
    for (const { error } of refusals) this.#complain('put', error);
  }

  #complain(verb: string, error: unknown): void {
    this.#context.complain(`static ${verb}`, 'warn', `static: cannot ${verb}: ${reasonOf(error)}`);
  }
}

/** Plain data: equal when their text is. */
function missingIn<T>(list: readonly T[], other: readonly T[]): readonly T[] {
  const known = new Set(other.map((item) => JSON.stringify(item)));
  return list.filter((item) => !known.has(JSON.stringify(item)));
}
