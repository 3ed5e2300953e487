/**
 * The macvlan links of virtual routers that use the virtual Ethernet address (RFC 9568 section 7.3): one for each
 * instance, down while it is backup and up while it holds the addresses (see kernel/macvlan.ts for why).
 */
import type { Link } from '../../kernel/links.ts';
import type { Macvlans } from '../../kernel/macvlan.ts';
import type { Family, MacAddress } from '../../model/address.ts';
import { reasonOf } from '../../model/reason.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import type { Member } from '../director/member.ts';
import { familiesOf } from '../director/member.ts';
import type { ThrottledLog } from './throttle.ts';

const LONGEST_NAME = 15;

/** The link of an instance: the configured name, and with both families one of its own for IPv6. */
export function vmacDevice(router: VirtualRouter, family: Family): string | undefined {
  if (router.vmac === undefined) return undefined;
  const { device } = router.vmac;
  return family === 'ipv6' && familiesOf(router).length > 1
    ? `${device.slice(0, LONGEST_NAME - 2)}-6`
    : device;
}

/** The link that carries what has no device of its own. */
export const carrierOf = ({ router, family }: Pick<Member, 'router' | 'family'>): string =>
  vmacDevice(router, family) ?? router.interface;

/** RFC 9568 section 7.3: 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6. */
const virtualMac = (family: Family, vrid: number): MacAddress =>
  `00:00:5e:00:0${family === 'ipv4' ? 1 : 2}:${vrid.toString(16).padStart(2, '0')}` as MacAddress;

export interface VmacContext {
  readonly macvlans: Pick<Macvlans, 'create' | 'setSilent' | 'setUp' | 'remove' | 'listOwn'>;
  readonly complain: ThrottledLog;
  linkNamed(name: string): Link | undefined;
  /** Links were made, and their notices are not here yet. */
  reloadLinks(): void;
}

export class VirtualMacs {
  readonly #context: VmacContext;
  /** Names of those that are to be up. */
  readonly #up = new Set<string>();
  /** Names of those that are going down, silenced. */
  readonly #silent = new Set<string>();
  readonly #made = new Map<string, { readonly index: number; readonly parent: number }>();
  /** The names that were wanted when the others were removed last. */
  #tidied: string | undefined;

  constructor(context: VmacContext) {
    this.#context = context;
  }

  /**
   * Makes the links of these virtual routers that are missing, before anything is decided about their instances. One
   * that is there stays up or down.
   */
  prepare(routers: Iterable<VirtualRouter>): void {
    let made = false;
    for (const router of routers) {
      for (const family of familiesOf(router)) made = this.#make(router, family) || made;
    }
    if (made) this.#context.reloadLinks();
  }

  /** Makes what is missing, removes what no instance uses any more, and has up what holds addresses. */
  configure(members: readonly Member[]): void {
    this.prepare(new Set(members.map(({ router }) => router)));
    const wanted = new Set(members.flatMap(({ router, family }) => vmacDevice(router, family) ?? []));
    this.#tidy(wanted);
    for (const member of members) this.#correct(member);
  }

  isUp(member: Member): boolean {
    const device = vmacDevice(member.router, member.family);
    return device !== undefined && this.#up.has(device);
  }

  /** Up with the addresses, down without them. Nothing happens where the instance has no such link. */
  setUp(member: Member, up: boolean): void {
    const device = vmacDevice(member.router, member.family);
    if (device !== undefined && this.#up.has(device) !== up) this.#set(device, up);
  }

  /** To be told before the last addresses are removed: nothing must come from the virtual Ethernet address any more. */
  silence(member: Member): void {
    const device = vmacDevice(member.router, member.family);
    const made = device === undefined ? undefined : this.#made.get(device);
    if (device === undefined || made === undefined || !this.#up.has(device)) return;
    this.#silent.add(device);
    this.#attempt(`silence ${device}`, () => this.#context.macvlans.setSilent(made.index, true));
  }

  /** To be told before these links are looked at: what is to be put on one that is down by now needs IPv6 there. */
  speakAgain(names: readonly string[]): void {
    for (const name of names) {
      const made = this.#made.get(name);
      if (made === undefined || !this.#silent.has(name) || this.#context.linkNamed(name)?.up !== false)
        continue;
      this.#silent.delete(name);
      this.#attempt(`give IPv6 back to ${name}`, () => this.#context.macvlans.setSilent(made.index, false));
    }
  }

  #set(device: string, up: boolean): void {
    const made = this.#made.get(device);
    if (made === undefined) return;
    this.#attempt(`set ${device} ${up ? 'up' : 'down'}`, () => {
      this.#context.macvlans.setUp(made.index, up);
      if (up) this.#silent.delete(device);
      if (up) this.#up.add(device);
      else this.#up.delete(device);
    });
  }

  /** Somebody may have set it down, or up, or a process before this one has left it so. */
  #correct(member: Member): void {
    const device = vmacDevice(member.router, member.family);
    const link = device === undefined ? undefined : this.#context.linkNamed(device);
    if (device !== undefined && link !== undefined && link.up !== member.holds)
      this.#set(device, member.holds);
  }

  /** Also what a process before this one has left behind: so all are listed once in any case. */
  #tidy(wanted: ReadonlySet<string>): void {
    const names = JSON.stringify([...wanted]);
    if (names === this.#tidied) return;
    const own = this.#attempt('list the links', () => this.#context.macvlans.listOwn());
    if (own === undefined) return;
    this.#tidied = names;
    for (const { name, index } of own) {
      if (wanted.has(name)) continue;
      this.#attempt(`remove ${name}`, () => this.#context.macvlans.remove(index));
      this.#made.delete(name);
      this.#up.delete(name);
      this.#silent.delete(name);
    }
  }

  /** Whether it was made now. */
  #make(router: VirtualRouter, family: Family): boolean {
    const device = vmacDevice(router, family);
    const parent = this.#context.linkNamed(router.interface)?.index;
    if (device === undefined || parent === undefined) return false;
    const link = this.#context.linkNamed(device);
    const known = this.#made.get(device);
    if (known !== undefined && known.parent === parent && known.index === link?.index) return false;
    const mac = virtualMac(family, router.vrid);
    const spec = { parent, name: device, mac, up: link?.up ?? this.#isUpElsewhere(device, mac) };
    const made = this.#attempt(`make ${device}`, () => this.#context.macvlans.create(spec));
    if (made === undefined) return false;
    // Where somebody renamed the former one, it is still there, and with the same Ethernet address only one can be up.
    if (known !== undefined && known.index !== made.index) this.#tidied = undefined;
    this.#made.set(device, { index: made.index, parent });
    if (made.up) this.#up.add(device);
    else this.#up.delete(device);
    for (const warning of made.warnings)
      this.#context.complain(`vmac ${device}`, 'warn', `${device}: ${warning}`);
    return true;
  }

  /** Renamed in the configuration: the new one takes the place of the old one, which cannot both be up. */
  #isUpElsewhere(device: string, mac: MacAddress): boolean {
    return [...this.#made.keys()].some((name) => {
      const link = name === device ? undefined : this.#context.linkNamed(name);
      return link?.mac === mac && link.up;
    });
  }

  #attempt<T>(what: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      const why = reasonOf(error);
      this.#context.complain(`vmac ${what}`, 'error', `virtual Ethernet address: cannot ${what}: ${why}`);
      return undefined;
    }
  }
}
