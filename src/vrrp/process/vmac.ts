/**
 * The macvlan links of virtual routers that use the virtual Ethernet address (RFC 9568 section 7.3): one for each
 * instance, down while it is backup and up while it holds the addresses (see kernel/macvlan.ts for why).
 */
import type { Macvlans } from '../../kernel/macvlan.ts';
import type { Family, MacAddress } from '../../model/address.ts';
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

/** RFC 9568 section 7.3: 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6. */
export const virtualMac = (family: Family, vrid: number): MacAddress =>
  `00:00:5e:00:0${family === 'ipv4' ? 1 : 2}:${vrid.toString(16).padStart(2, '0')}` as MacAddress;

export interface VmacContext {
  readonly macvlans: Macvlans;
  readonly complain: ThrottledLog;
  indexOf(interfaceName: string): number | undefined;
}

export class VirtualMacs {
  readonly #context: VmacContext;
  /** Index of the macvlan, by its name. */
  readonly #up = new Set<string>();
  readonly #made = new Map<string, { readonly index: number; readonly parent: number }>();

  constructor(context: VmacContext) {
    this.#context = context;
  }

  /** Makes what is missing, and removes what no instance uses any more. */
  configure(members: Iterable<Member>): void {
    const wanted = new Set<string>();
    for (const member of members) {
      const device = vmacDevice(member.router, member.family);
      if (device === undefined) continue;
      wanted.add(device);
      this.#make(member, device);
    }
    if (this.#made.size === 0 && wanted.size === 0) return;
    for (const { name, index } of this.#attempt('list', () => this.#context.macvlans.listOwn()) ?? []) {
      if (wanted.has(name)) continue;
      this.#attempt(`remove ${name}`, () => this.#context.macvlans.remove(index));
      this.#made.delete(name);
    }
  }

  isUp(member: Member): boolean {
    const device = vmacDevice(member.router, member.family);
    return device !== undefined && this.#up.has(device);
  }

  /** Up with the addresses, down without them. Nothing happens where the instance has no such link. */
  setUp(member: Member, up: boolean): void {
    const device = vmacDevice(member.router, member.family);
    const made = device === undefined ? undefined : this.#made.get(device);
    if (device === undefined || made === undefined || this.#up.has(device) === up) return;
    this.#attempt(`set ${device} ${up ? 'up' : 'down'}`, () => {
      this.#context.macvlans.setUp(made.index, up);
      if (up) this.#up.add(device);
      else this.#up.delete(device);
    });
  }

  /** The links stay, as their leases do: a successor goes on with them. */
  close(): void {
    this.#context.macvlans.close();
  }

  #make(member: Member, device: string): void {
    const parent = this.#context.indexOf(member.router.interface);
    if (parent === undefined || this.#made.get(device)?.parent === parent) return;
    const mac = virtualMac(member.family, member.router.vrid);
    const spec = { parent, name: device, mac, up: member.holds };
    const made = this.#attempt(`make ${device}`, () => this.#context.macvlans.create(spec));
    if (made === undefined) return;
    this.#made.set(device, { index: made.index, parent });
    if (made.up) this.#up.add(device);
    else this.#up.delete(device);
    for (const warning of made.warnings)
      this.#context.complain(`vmac ${device}`, 'warn', `${device}: ${warning}`);
  }

  #attempt<T>(what: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#context.complain(`vmac ${what}`, 'error', `virtual Ethernet address: cannot ${what}: ${why}`);
      return undefined;
    }
  }
}
