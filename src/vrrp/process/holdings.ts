/**
 * What an instance has put into the kernel while it is active: addresses on their links, routes and rules. An owner's
 * own addresses are left alone.
 */
import type { Routes } from '../../kernel/routes.ts';
import type { Rules } from '../../kernel/rules.ts';
import type { IpAddress } from '../../model/address.ts';
import { milliseconds, type Seconds, seconds } from '../../model/units.ts';
import type { VirtualAddress, VirtualRouter } from '../../model/virtual-router.ts';
import type { Member } from '../director/member.ts';
import { OWNER_PRIORITY } from '../director/tracking.ts';
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

type Gathered = 'put' | 'renew' | 'announce';

export class Holdings {
  readonly #context: HoldingsContext;
  /** What is to be done next, by link and lifetime (seconds) or spacing (ms). */
  readonly #gathered = new Map<NetInterface, Map<number, VirtualAddress[]>>();
  #gathering: Gathered = 'put';

  constructor(context: HoldingsContext) {
    this.#context = context;
  }

  /**
   * `install`, `renew` and `announce` gather what is alike, of however many members, to be done with few system calls:
   * by this, or before anything else is done here.
   */
  flush(): void {
    if (this.#gathered.size === 0) return;
    const gathered = [...this.#gathered];
    this.#gathered.clear();
    for (const [port, lists] of gathered) {
      for (const [term, addresses] of lists) this.#do(port, term, addresses);
    }
  }

  /** Makes ahead of time what a take-over of this member needs. */
  makeReady(member: Member, addresses: readonly VirtualAddress[], lifetime: Seconds): void {
    this.#each(member, addresses, (port, own) => port.makeReady(own, lifetime), false);
  }

  install(member: Member, addresses: readonly VirtualAddress[], lifetime: Seconds): void {
    this.#each(member, addresses, (port, own) => this.#gather('put', port, lifetime, own));
  }

  renew(member: Member, addresses: readonly VirtualAddress[], lifetime: Seconds): void {
    this.#each(member, addresses, (port, own) => this.#gather('renew', port, lifetime, own));
  }

  remove(member: Member, addresses: readonly VirtualAddress[]): void {
    this.flush();
    this.#each(member, addresses, (port, own) =>
      port.remove(own.filter((address) => !this.#context.heldByAnother(member, address, port.name))),
    );
  }

  announce(member: Member, addresses: readonly VirtualAddress[]): void {
    const { addressSpacing } = member.router.announce;
    const tell = (port: NetInterface, own: readonly VirtualAddress[]): void =>
      this.#gather('announce', port, addressSpacing, own);
    this.#each(member, addresses, tell, false);
  }

  /** Rules come after the routes that their tables hold. */
  installRoutes({ router }: Member): void {
    this.flush();
    this.#refused(router, 'put', this.#context.routes.put(router.routes));
    this.#refused(router, 'put', this.#context.rules.put(router.rules));
  }

  removeRoutes({ router }: Member): void {
    this.flush();
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

  /** Which of its addresses are on their links, each as the kernel has it. Not those that another instance holds. */
  present(member: Member): readonly VirtualAddress[] {
    const present: VirtualAddress[] = [];
    this.#each(member, member.parameters.addresses, (port, own) => {
      const wanted = new Set(own.map(({ address }) => address));
      for (const { prefix } of port.held) {
        if (!wanted.has(prefix.address) || this.#context.heldByAnother(member, prefix, port.name)) continue;
        present.push({ ...prefix, device: port.name });
      }
    });
    return present;
  }

  #gather(what: Gathered, port: NetInterface, term: number, addresses: readonly VirtualAddress[]): void {
    if (addresses.length === 0) return;
    if (what !== this.#gathering) this.flush();
    this.#gathering = what;
    const lists = this.#gathered.get(port) ?? new Map<number, VirtualAddress[]>();
    this.#gathered.set(port, lists);
    const list = lists.get(term);
    if (list) list.push(...addresses);
    else lists.set(term, [...addresses]);
  }

  #do(port: NetInterface, term: number, addresses: readonly VirtualAddress[]): void {
    switch (this.#gathering) {
      case 'put':
        port.put(addresses, seconds(term));
        break;
      case 'renew':
        port.renew(addresses, seconds(term));
        break;
      case 'announce':
        port.announce(
          addresses.map(({ address }) => address),
          milliseconds(term),
        );
        break;
      default:
        this.#gathering satisfies never;
    }
  }

  #each(
    member: Member,
    addresses: readonly VirtualAddress[],
    action: (port: NetInterface, addresses: readonly VirtualAddress[]) => void,
    onlyLeased = true,
  ): void {
    const carrier = this.#context.carrierOf(member);
    for (const [device, own] of byDevice(addresses, carrier)) {
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

/** Nearly always all of them are on one link, and thousands of renewals a second need not find that out the long way. */
function byDevice(
  addresses: readonly VirtualAddress[],
  carrier: string,
): Iterable<readonly [device: string, addresses: readonly VirtualAddress[]]> {
  if (addresses.every(({ device }) => device === undefined)) return [[carrier, addresses]];
  return Map.groupBy(addresses, ({ device }) => device ?? carrier);
}

/** Without those that are the owner's own. */
function leased(
  router: VirtualRouter,
  { held }: NetInterface,
  addresses: readonly VirtualAddress[],
): readonly VirtualAddress[] {
  if (router.priority !== OWNER_PRIORITY) return addresses;
  const own = held.filter((address) => isOwnersOwn(router, address));
  if (own.length === 0) return addresses;
  const kept = new Set<IpAddress>(own.map(({ prefix }) => prefix.address));
  return addresses.filter(({ address }) => !kept.has(address));
}
