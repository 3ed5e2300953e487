/**
 * The virtual Ethernet address of RFC 9568 section 7.3 on a link of its own: a macvlan on the virtual router's
 * interface (its parent), which then holds the VIPs. Where clients ask by ARP, these settings see to it that only the
 * macvlan speaks for the VIPs, and only with its own Ethernet address; keepalived's vrrp_if_config.c has most of them:
 *
 *   macvlan  arp_ignore 1     answers for its own addresses only, never for the parent's
 *            arp_announce 2   and asks in the name of its own only
 *            accept_local 0   does not answer a successor's gratuitous ARP, which comes from an address that is still
 *                             here too: the answer would draw the switch back to this port until the next advert
 *            rp_filter        0, or loose where net.ipv4.conf.all has it on: what comes in here is answered over
 *                             whichever link the routes say, which may be the parent
 *   parent   arp_ignore 1     does not answer for the VIPs
 *            arp_announce 2   does not ask in their name either, which would teach the others its own address for them
 *
 * keepalived also sets the parent's arp_filter. Not here: it makes the parent silent about its own address once the
 * route of the network leads over the macvlan.
 *
 * What was changed of the parent is written into the alias of the macvlan, so that it is put back with the last one,
 * even by another process than the one that made it.
 *
 * A trap: while the macvlan is up, a frame that comes from its own Ethernet address, as another director's adverts do,
 * is given to the macvlan and not to the parent (macvlan_handle_frame in drivers/net/macvlan.c). While it is down the
 * parent has them all. So a backup keeps it down (and then it answers nobody and joins no group), and an active router
 * listens on both.
 */
import type { MacAddress } from '../model/address.ts';
import {
  encodeLinkAlias,
  encodeLinkState,
  encodeNewMacvlan,
  type LinkDetail,
} from '../netlink/route/macvlan.ts';
import { ERRNO } from '../sys/errors.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { type Attempt, isKernelError, KernelAnswerError, KernelError } from './kernel-error.ts';
import { LinkKernel } from './link-kernel.ts';
import { LinkWork } from './link-work.ts';
import { GONE, type ParentSettings } from './macvlan-parent.ts';
import { isOwn, prepareIpv6, restoreParent, setIpv6, takeOver } from './macvlan-settings.ts';
import type { BackgroundTransport, NetlinkTransport } from './request.ts';

export interface MacvlanSpec {
  /** Index of the parent. */
  readonly parent: number;
  /** 1 to 15 characters. */
  readonly name: string;
  /** 00:00:5e:00:01:VRID for IPv4, 00:00:5e:00:02:VRID for IPv6. */
  readonly mac: MacAddress;
  /** true unless given. */
  readonly up?: boolean;
}

export interface Macvlan {
  readonly index: number;
  readonly name: string;
  readonly parent: number;
  readonly mac: MacAddress;
  readonly up: boolean;
  /** What could not be set, in words, with what to do: it works all the same, but for what they say. */
  readonly warnings: readonly string[];
}

export interface Macvlans {
  /**
   * Makes the link, or adopts the one of this name that has this parent and this Ethernet address. One of ours that
   * has others, or has these under another name and is up, is replaced. Throws KernelError: EEXIST where another link
   * has the name, ENODEV without the parent, EADDRINUSE or EBUSY where another macvlan of the parent is up with this
   * Ethernet address; KernelAnswerError.
   */
  create(spec: MacvlanSpec): Macvlan;
  /**
   * Up takes some 0.1 ms. Down takes the kernel 7 to 22 ms, in which it goes on answering for the addresses that it
   * has; nobody waits for that. IPv6 addresses do not outlive it. Throws KernelError or KernelAnswerError for a link that
   * cannot be set up.
   */
  setUp(index: number, up: boolean): void;
  /**
   * Silent: takes its IPv6 addresses away with one stroke, and what the kernel would tell of their multicast groups, and
   * takes none until it is not silent any more or set up. It ought to be down then. Nothing happens to a link of IPv4.
   * Throws KernelError or KernelAnswerError.
   */
  setSilent(index: number, silent: boolean): void;
  /**
   * With its addresses and routes. It is not ours any more at once, and its parent has its settings back if it was the
   * last; the rest takes the kernel some 25 ms, which nobody waits for. One that is not there is gone. Throws
   * KernelError or KernelAnswerError.
   */
  remove(index: number): void;
  /** Those that we made or adopted, or a process of ours before this one. Throws KernelError or KernelAnswerError. */
  listOwn(): readonly Macvlan[];
  /** Resolves when those that were set down are down, and those that were removed are gone. */
  settled(): Promise<void>;
  close(): void;
}

/** `background`: a socket that only what nobody waits for uses. Throws SystemError. */
export function openMacvlans(
  socket: NetlinkTransport = openNetlinkSocket(NETLINK_ROUTE),
  background: BackgroundTransport = openNetlinkSocket(NETLINK_ROUTE),
): Macvlans {
  const kernel = new LinkKernel(socket);
  const work = new LinkWork(background, (index) => raise(kernel, index));
  const context: Context = { kernel, work, parents: new Map(), speaking: new Set() };
  return {
    create: (spec) => create(context, spec),
    setSilent: (index, silent) => setSilent(context, index, silent),
    setUp: (index, up) => setUp(context, { operation: 'set up', object: `link ${index}` }, index, up),
    remove: (index) => remove(context, index),
    listOwn() {
      const all = kernel.list();
      // Left by a process that ended before the kernel had removed it.
      for (const { link, alias } of all) if (alias === GONE) work.remove(link.index);
      return all.filter(isOwn).map((detail) => describe(detail, []));
    },
    settled: () => work.settled(),
    close() {
      work.close();
      kernel.close();
    },
  };
}

interface Context {
  readonly kernel: LinkKernel;
  readonly work: LinkWork;
  /** What the settings of parents were, by index: what the aliases say too, without listing all links each time. */
  readonly parents: Map<number, ParentSettings>;
  /** Indexes of those that this process has made or set up, and not silenced since. */
  readonly speaking: Set<number>;
}

function setUp(context: Context, attempt: Attempt, index: number, up: boolean): void {
  const { kernel, work } = context;
  if (!up) {
    work.down(index);
    return;
  }
  work.supersede(index);
  setSilent(context, index, false);
  kernel.set(attempt, encodeLinkState(index, true));
}

/** What is refused was told when the link was made. */
function setSilent({ kernel, speaking }: Context, index: number, silent: boolean): void {
  if (speaking.has(index) !== silent) return;
  const detail = kernel.findByIndex(index);
  if (detail !== undefined) setIpv6(detail, !silent);
  if (silent) speaking.delete(index);
  else speaking.add(index);
}

/**
 * Again, after it was set down behind our back. Whoever wanted it up has gone on, and hears of a link that is down by
 * its notice.
 */
function raise(kernel: LinkKernel, index: number): void {
  try {
    kernel.set({ operation: 'set up', object: `link ${index}` }, encodeLinkState(index, true));
  } catch (error) {
    if (!(error instanceof KernelError || error instanceof KernelAnswerError)) throw error;
  }
}

function create(context: Context, spec: MacvlanSpec): Macvlan {
  const { kernel } = context;
  const attempt = { operation: 'make', object: `macvlan ${spec.name} (${spec.mac}) on link ${spec.parent}` };
  const parent = kernel.findByIndex(spec.parent);
  if (parent === undefined)
    throw new KernelError(attempt, ERRNO.ENODEV, undefined, 'its parent is not there');
  clearPlace(context, attempt, spec);
  const adopted = kernel.find(spec.name) !== undefined;
  if (!adopted) kernel.make(attempt, encodeNewMacvlan({ ...spec, group: parent.group }));
  const made = kernel.find(spec.name);
  if (made === undefined) throw new KernelAnswerError(attempt, 'it is not there although the kernel made it');
  const { index } = made.link;
  try {
    takeOver(kernel, context.parents, attempt, made, parent);
    const warnings = prepareIpv6(kernel, attempt, made);
    context.speaking.add(index);
    const up = spec.up ?? true;
    if (made.link.up !== up) bring(context, attempt, made, up);
    return { ...describe(made, warnings), up };
  } catch (error) {
    if (!adopted) remove(context, index);
    throw isKernelError(error, 'EADDRINUSE', 'EBUSY')
      ? new KernelError(
          attempt,
          error.errno,
          error.kernelText,
          'another macvlan there has this Ethernet address',
        )
      : error;
  }
}

/** In the place of one of ours that has its Ethernet address under another name: that was renamed in the configuration. */
function bring(context: Context, attempt: Attempt, made: LinkDetail, up: boolean): void {
  try {
    setUp(context, attempt, made.link.index, up);
  } catch (error) {
    const former = context.kernel
      .list()
      .find(
        (each) =>
          each.parent === made.parent &&
          each.link.mac === made.link.mac &&
          each.link.index !== made.link.index,
      );
    if (former === undefined || !(isOwn(former) || former.alias === GONE)) throw error;
    context.kernel.remove(attempt, former.link.index);
    setUp(context, attempt, made.link.index, up);
  }
}

/** Removes what has the name and is ours, but is not what is wanted, or is going. */
function clearPlace(context: Context, attempt: Attempt, spec: MacvlanSpec): void {
  const there = context.kernel.find(spec.name);
  if (there === undefined) return;
  const isGoing = there.alias === GONE;
  const fits = there.isPrivate && there.parent === spec.parent && there.link.mac === spec.mac;
  if (fits && !isGoing) return;
  if (!isOwn(there) && !isGoing)
    throw new KernelError(
      attempt,
      ERRNO.EEXIST,
      undefined,
      'another link has that name: choose a different one',
    );
  if (isOwn(there)) remove(context, there.link.index);
  // The name must be free.
  context.kernel.remove(attempt, there.link.index);
}

function remove(context: Context, index: number): void {
  const { kernel, work, parents } = context;
  const all = kernel.list();
  const gone = all.find(({ link }) => link.index === index);
  if (gone === undefined) return;
  const { parent } = gone;
  const siblings = all.filter((each) => isOwn(each) && each.parent === parent);
  if (isOwn(gone) && parent !== undefined && siblings.length === 1) {
    parents.delete(parent);
    restoreParent(
      kernel,
      all.find(({ link }) => link.index === parent),
      gone,
    );
  }
  const attempt = { operation: 'remove', object: `link ${gone.link.name}` };
  kernel.set(attempt, encodeLinkAlias(index, GONE));
  setSilent(context, index, true);
  work.remove(index);
}

const describe = ({ link, parent }: LinkDetail, warnings: readonly string[]): Macvlan => ({
  index: link.index,
  name: link.name,
  parent: parent ?? 0,
  mac: link.mac ?? ('' as MacAddress),
  up: link.up,
  warnings,
});
