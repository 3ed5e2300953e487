import { familyOf, formatPrefix, type Prefix } from '../model/address.ts';
import type { Seconds } from '../model/units.ts';
import { NLM_F } from '../netlink/message.ts';
import {
  type AddressSpec,
  decodeAddress,
  encodeAddressDump,
  encodeNewAddress,
  encodeRemoveAddress,
  type InterfaceAddress,
  type Lifetime,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from '../netlink/route/address.ts';
import { encodePromoteSecondaries, RTM_SETLINK } from '../netlink/route/link.ts';
import { monotonicNow } from '../sys/clock.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { type Attempt, isKernelError, KernelAnswerError, KernelError } from './kernel-error.ts';
import { Renewals } from './renewals.ts';
import {
  type BackgroundTransport,
  type NetlinkRequest,
  NetlinkRequester,
  type NetlinkTransport,
} from './request.ts';

export type { AddressSpec, InterfaceAddress, Lifetime } from '../netlink/route/address.ts';

/** An address that the kernel would not put or remove, and why: a KernelError or KernelAnswerError. */
export interface AddressRefusal {
  readonly prefix: AddressSpec;
  readonly error: Error;
}

/**
 * The addresses of this network namespace's interfaces. Many are put or removed with one system call, and one that is
 * refused stops no other.
 */
export interface Addresses {
  /**
   * Of one link, or of all; none for a link that does not exist. An IPv6 address that may be a duplicate, or is one, is
   * not there yet: an advert cannot come from it. Throws KernelError or KernelAnswerError.
   */
  list(index?: number): readonly InterfaceAddress[];
  /**
   * Does ahead of time what the first `put` on a link needs besides the address itself, and which takes longer than
   * that: half a millisecond of a take-over. Without it `put` does it.
   */
  prepare(index: number): void;
  /** Makes ahead of time what `put` and `renew` will send for these very objects. */
  makeReady(index: number, prefixes: readonly AddressSpec[], lifetime: Lifetime): void;
  /**
   * Adds the addresses, or gives those that are there this lifetime from now on, without a gap. A lifetime is 1 s and
   * up; when it is over the kernel removes the address. What has another label or scope must be removed before it is
   * put: the kernel changes neither.
   */
  put(index: number, prefixes: readonly AddressSpec[], lifetime: Lifetime): readonly AddressRefusal[];
  /**
   * As `put`, for addresses that were put before, and without waiting for the kernel, whose routing lock may be held
   * by somebody who gets no CPU. What comes of it is told later. One that is removed meanwhile stays removed.
   */
  renew(
    index: number,
    prefixes: readonly AddressSpec[],
    lifetime: Seconds,
    onRefused: (refusal: AddressRefusal) => void,
  ): void;
  /** Removes the addresses, each with exactly this length; one that is not there, or whose link is not, is gone. */
  remove(index: number, prefixes: readonly Prefix[]): readonly AddressRefusal[];
  /** Resolves when no renewal is under way: until then one could still put an address that was removed. */
  settled(): Promise<void>;
  close(): void;
}

/** `background`: a socket that only renewals use. Throws SystemError. */
export const openAddresses = (
  socket: NetlinkTransport = openNetlinkSocket(NETLINK_ROUTE),
  background: BackgroundTransport = openNetlinkSocket(NETLINK_ROUTE),
): Addresses => new NetlinkAddresses(new NetlinkRequester(socket), background);

class NetlinkAddresses implements Addresses {
  readonly #netlink: NetlinkRequester;
  readonly #renewals: Renewals;
  /** Links that were prepared. */
  readonly #promoting = new Set<number>();

  constructor(netlink: NetlinkRequester, background: BackgroundTransport) {
    this.#netlink = netlink;
    this.#renewals = new Renewals({
      transport: background,
      request: putRequest,
      put: (...what) => this.#put(...what),
      remove: (...what) => this.#remove(...what),
      now: monotonicNow,
    });
  }

  list(index?: number): readonly InterfaceAddress[] {
    return list(this.#netlink, index).filter(({ tentative }) => tentative !== true);
  }

  prepare(index: number): void {
    if (!this.#promoting.has(index) && keepNeighbours(this.#netlink, index)) this.#promoting.add(index);
  }

  makeReady(index: number, prefixes: readonly AddressSpec[], lifetime: Lifetime): void {
    for (const prefix of prefixes) requestsFor(index, prefix, lifetime);
  }

  put(index: number, prefixes: readonly AddressSpec[], lifetime: Lifetime): readonly AddressRefusal[] {
    this.#renewals.superseded(index, prefixes, lifetime);
    return this.#put(index, prefixes, lifetime);
  }

  renew(
    index: number,
    prefixes: readonly AddressSpec[],
    lifetime: Seconds,
    onRefused: (refusal: AddressRefusal) => void,
  ): void {
    this.#renewals.renew(index, prefixes, lifetime, onRefused);
  }

  remove(index: number, prefixes: readonly Prefix[]): readonly AddressRefusal[] {
    this.#renewals.forget(index, prefixes);
    return this.#remove(index, prefixes);
  }

  settled(): Promise<void> {
    return this.#renewals.settled();
  }

  close(): void {
    this.#renewals.close();
    this.#netlink.close();
  }

  #put(index: number, prefixes: readonly AddressSpec[], lifetime: Lifetime): readonly AddressRefusal[] {
    if (prefixes.some(sharesNetwork)) this.prepare(index);
    const requests = prefixes.map((prefix) =>
      lifetime !== 'forever' && hasIpv6Network(prefix)
        ? addRequest(index, prefix, lifetime)
        : putRequest(index, prefix, lifetime),
    );
    const refused = refusals(prefixes, this.#netlink.batch(requests));
    // Only what was to be added is refused so.
    const there = refused.filter(({ error }) => isKernelError(error, 'EEXIST')).map(({ prefix }) => prefix);
    if (there.length === 0) return refused;
    const others = refused.filter(({ prefix }) => !there.includes(prefix));
    return [...others, ...this.#lease(index, there, lifetime)];
  }

  /**
   * Where an IPv6 address that has no end is given one, the kernel gives the same end to the route of its network, even
   * where that is the link's own: the host would lose its network with the VIP. A new address does no such harm, so
   * what somebody has left there for ever, as a keepalived that was killed does, is removed first.
   */
  #lease(index: number, prefixes: readonly AddressSpec[], lifetime: Lifetime): readonly AddressRefusal[] {
    let left: readonly AddressRefusal[] = [];
    try {
      const endless = endlessAmong(this.#netlink, index, prefixes);
      if (endless.length > 0) left = this.#remove(index, endless);
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      return prefixes.map((prefix) => ({ prefix, error }));
    }
    const requests = prefixes.map((prefix) => putRequest(index, prefix, lifetime));
    return [...left, ...refusals(prefixes, this.#netlink.batch(requests))];
  }

  #remove(index: number, prefixes: readonly Prefix[]): readonly AddressRefusal[] {
    // The last one first: each time that the first address of a network goes, the kernel takes all the others up and
    // puts them down again behind the next. 255 addresses took 130 ms, and take 4 ms in this order.
    const reversed = prefixes.toReversed();
    const requests = reversed.map((prefix) => ({
      attempt: naming('remove', index, prefix),
      type: RTM_DELADDR,
      payload: encodeRemoveAddress(index, prefix),
    }));
    return refusals(reversed, this.#netlink.batch(requests)).filter(
      ({ error }) => !isKernelError(error, 'EADDRNOTAVAIL', 'ENODEV'),
    );
  }
}

interface PutRequests {
  readonly index: number;
  readonly lifetime: Lifetime;
  /** Refused with EEXIST where it is there. */
  readonly add: NetlinkRequest;
  readonly put: NetlinkRequest;
}

/** The last of each address: it is put again at every renewal, and a take-over must not wait for what can be made before. */
const requests = new WeakMap<AddressSpec, PutRequests>();

function requestsFor(index: number, prefix: AddressSpec, lifetime: Lifetime): PutRequests {
  const known = requests.get(prefix);
  if (known?.index === index && known.lifetime === lifetime) return known;
  const attempt = naming('put', index, prefix);
  const request = { attempt, type: RTM_NEWADDR, payload: encodeNewAddress(index, prefix, lifetime) };
  const made: PutRequests = {
    index,
    lifetime,
    add: { ...request, flags: NLM_F.create | NLM_F.exclusive },
    put: { ...request, flags: NLM_F.create | NLM_F.replace },
  };
  requests.set(prefix, made);
  return made;
}

const addRequest = (...which: Parameters<typeof requestsFor>): NetlinkRequest => requestsFor(...which).add;

const putRequest = (...which: Parameters<typeof requestsFor>): NetlinkRequest => requestsFor(...which).put;

function list(netlink: NetlinkRequester, index: number | undefined): readonly InterfaceAddress[] {
  const object = index === undefined ? 'addresses' : `addresses of link ${index}`;
  try {
    const all = netlink.dump(
      { attempt: { operation: 'list', object }, type: RTM_GETADDR, payload: encodeAddressDump(index) },
      (message) => (message.type === RTM_NEWADDR ? decodeAddress(message.payload) : undefined),
    );
    // Kernels before 4.20 do not filter.
    return index === undefined ? all : all.filter((address) => address.index === index);
  } catch (error) {
    if (index !== undefined && isKernelError(error, 'ENODEV')) return [];
    throw error;
  }
}

/** Those of the addresses that the link has for ever, each with the length that it has. */
function endlessAmong(
  netlink: NetlinkRequester,
  index: number,
  prefixes: readonly Prefix[],
): readonly Prefix[] {
  const wanted = new Set(prefixes.map(({ address }) => address));
  return list(netlink, index)
    .filter(({ prefix, lifetime }) => lifetime === 'forever' && wanted.has(prefix.address))
    .map(({ prefix }) => prefix);
}

/**
 * The first IPv4 address of a network on a link is the primary one, and unless told otherwise the kernel removes the
 * others together with it. A VIP can come to be the first (the link's own address was removed and added again), and
 * its lifetime can end with nobody there to prevent the rest: so the kernel is told otherwise before a VIP is added.
 * Gives whether it took it.
 */
function keepNeighbours(netlink: NetlinkRequester, index: number): boolean {
  try {
    netlink.request({
      attempt: { operation: 'set promote_secondaries of', object: `link ${index}` },
      type: RTM_SETLINK,
      payload: encodePromoteSecondaries(index),
    });
    return true;
  } catch (error) {
    // Where it does not come about (the link is not there, say), the VIP itself is still worth a try.
    if (error instanceof KernelError || error instanceof KernelAnswerError) return false;
    throw error;
  }
}

const refusals = (
  prefixes: readonly AddressSpec[],
  outcomes: readonly (Error | undefined)[],
): readonly AddressRefusal[] =>
  prefixes.flatMap((prefix, i) => {
    const error = outcomes[i];
    return error === undefined ? [] : [{ prefix, error }];
  });

const sharesNetwork = ({ address, length }: Prefix): boolean => familyOf(address) === 'ipv4' && length < 32;

/** Whether the kernel makes a route of the network that goes with the address. */
const hasIpv6Network = ({ address, length }: Prefix): boolean => familyOf(address) === 'ipv6' && length < 128;

const naming = (operation: string, index: number, prefix: Prefix): Attempt => ({
  operation,
  object: `address ${formatPrefix(prefix)} on link ${index}`,
});
