/**
 * What an instance has put into the kernel while it is active: addresses on their links, routes and rules. An owner's
 * own addresses are left alone.
 */
import type { Routes } from '../../kernel/routes.ts';
import type { Rules } from '../../kernel/rules.ts';
import type { IpAddress } from '../../model/address.ts';
import type { Seconds } from '../../model/units.ts';
import type { VirtualAddress, VirtualRouter } from '../../model/virtual-router.ts';
import type { Member } from '../director/member.ts';
import { isOwnersOwn } from './interface-view.ts';
import type { NetInterface } from './net-interface.ts';
import type { ThrottledLog } from './throttle.ts';

export interface HoldingsContext {
  readonly routes: Pick<Routes, 'put' | 'remove'>;
  readonly rules: Pick<Rules, 'put' | 'remove'>;
  readonly complain: ThrottledLog;
  /** The link that carries what has no device of its own: the macvlan where there is one. */
  carrierOf(member: Member): string;
  interfaceOf(name: string): NetInterface | undefined;
  /** Whether another instance holds this address on this link now: then it is not this one's to remove. */
  heldByAnother(member: Member, address: VirtualAddress, device: string): boolean;
}

export class Holdings {
  readonly #context: HoldingsContext;

  constructor(context: HoldingsContext) {
    this.#context = context;
  }

  install(member: Member, addresses: readonly VirtualAddress[], lifetime: Seconds): void {
    this.#each(member, addresses, (port, own) => port.put(own, lifetime));
  }

  renew(member: Member, addresses: readonly VirtualAddress[], lifetime: Seconds): void {
    this.#each(member, addresses, (port, own) => port.renew(own, lifetime));
  }

  remove(member: Member, addresses: readonly VirtualAddress[]): void {
    this.#each(member, addresses, (port, own) =>
      port.remove(own.filter((address) => !this.#context.heldByAnother(member, address, port.name))),
    );
  }

  announce(member: Member, addresses: readonly VirtualAddress[]): void {
    const { addressSpacing } = member.router.announce;
    const tell = (port: NetInterface, own: readonly VirtualAddress[]): void => {
      const names = own.map(({ address }) => address);
      port.announce(names, addressSpacing);
    };
    this.#each(member, addresses, tell, false);
  }

  /** Rules come after the routes that their tables hold. */
  installRoutes({ router }: Member): void {
    this.#refused(router, 'put', this.#context.routes.put(router.routes));
    this.#refused(router, 'put', this.#context.rules.put(router.rules));
  }

  removeRoutes({ router }: Member): void {
    this.#refused(router, 'remove', this.#context.rules.remove(router.rules));
    this.#refused(router, 'remove', this.#context.routes.remove(router.routes));
  }

  /** Which of the addresses that it ought to hold are not on their links. */
  missing(member: Member): readonly VirtualAddress[] {
    const missing: VirtualAddress[] = [];
    this.#each(member, member.parameters.addresses, (port, own) => {
      const held = new Set(port.held.map(({ prefix }) => prefix.address));
      missing.push(...own.filter(({ address }) => !held.has(address)));
    });
    return missing;
  }

  #each(
    member: Member,
    addresses: readonly VirtualAddress[],
    action: (port: NetInterface, addresses: readonly VirtualAddress[]) => void,
    onlyLeased = true,
  ): void {
    const carrier = this.#context.carrierOf(member);
    for (const [device, own] of Map.groupBy(addresses, (address) => address.device ?? carrier)) {
      const port = this.#context.interfaceOf(device);
      if (port) action(port, onlyLeased ? leased(member.router, port, own) : own);
    }
  }

  #refused(
    router: VirtualRouter,
    verb: string,
    refusals: readonly { readonly spec: object; readonly error: Error }[],
  ): void {
    for (const { error } of refusals) {
      const message = `virtual router ${router.name}: cannot ${verb} a route or rule: ${error.message}`;
      this.#context.complain(`${verb} routes ${router.name}`, 'warn', message, {
        virtualRouter: router.name,
      });
    }
  }
}

/** Without those that are the owner's own. */
function leased(
  router: VirtualRouter,
  { held }: NetInterface,
  addresses: readonly VirtualAddress[],
): readonly VirtualAddress[] {
  const own = held.filter((address) => isOwnersOwn(router, address));
  if (own.length === 0) return addresses;
  const kept = new Set<IpAddress>(own.map(({ prefix }) => prefix.address));
  return addresses.filter(({ address }) => !kept.has(address));
}
