/**
 * The virtual Ethernet address of RFC 9568 section 7.3 on a link of its own: a macvlan on the virtual router's
 * interface (its parent), which then holds the VIPs. Where clients ask by ARP, these settings see to it that only the
 * macvlan speaks for the VIPs, and only with its own Ethernet address; keepalived's vrrp_if_config.c has most of them:
 *
 *   macvlan  arp_ignore 1     answers for its own addresses only, never for the parent's
 *            arp_announce 2   and asks in the name of its own only
 *            accept_local 1   hears a director that sends from the VIP as its own address (priority 255)
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
import { readFileSync, writeFileSync } from 'node:fs';
import type { MacAddress } from '../model/address.ts';
import {
  encodeIpv4Settings,
  encodeLinkAlias,
  encodeLinkState,
  encodeNewMacvlan,
  encodeNoAutomaticAddress,
  type LinkDetail,
} from '../netlink/route/macvlan.ts';
import { ERRNO } from '../sys/errors.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { type Attempt, isKernelError, KernelAnswerError, KernelError } from './kernel-error.ts';
import { LinkKernel } from './link-kernel.ts';
import {
  aliasOf,
  differing,
  MARK,
  PARENT_SETTINGS,
  type ParentSettings,
  parentSettings,
} from './macvlan-parent.ts';
import type { NetlinkTransport } from './request.ts';

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
   * has others is replaced. Throws KernelError: EEXIST where another link has the name, ENODEV without the parent,
   * EADDRINUSE or EBUSY where another macvlan of the parent is up with this Ethernet address; KernelAnswerError.
   */
  create(spec: MacvlanSpec): Macvlan;
  /** Up takes some 0.1 ms. IPv6 addresses do not outlive `down`. Throws KernelError. */
  setUp(index: number, up: boolean): void;
  /** With its addresses and routes. One that is not there is gone. Throws KernelError or KernelAnswerError. */
  remove(index: number): void;
  /** Those that we made or adopted, or a process of ours before this one. Throws KernelError or KernelAnswerError. */
  listOwn(): readonly Macvlan[];
  close(): void;
}

/** Throws SystemError. */
export function openMacvlans(socket: NetlinkTransport = openNetlinkSocket(NETLINK_ROUTE)): Macvlans {
  const kernel = new LinkKernel(socket);
  const parents: Parents = new Map();
  return {
    create: (spec) => create(kernel, parents, spec),
    setUp: (index, up) =>
      kernel.set(
        { operation: up ? 'set up' : 'set down', object: `link ${index}` },
        encodeLinkState(index, up),
      ),
    remove: (index) => remove(kernel, parents, index),
    listOwn: () =>
      kernel
        .list()
        .filter(isOwn)
        .map((detail) => describe(detail, [])),
    close: () => kernel.close(),
  };
}

/** What the settings of parents were, by index: what the aliases say too, without listing all links each time. */
type Parents = Map<number, ParentSettings>;

function create(kernel: LinkKernel, parents: Parents, spec: MacvlanSpec): Macvlan {
  const attempt = { operation: 'make', object: `macvlan ${spec.name} (${spec.mac}) on link ${spec.parent}` };
  const parent = kernel.findByIndex(spec.parent);
  if (parent === undefined)
    throw new KernelError(attempt, ERRNO.ENODEV, undefined, 'its parent is not there');
  clearPlace(kernel, parents, attempt, spec);
  const adopted = kernel.find(spec.name) !== undefined;
  if (!adopted) kernel.make(attempt, encodeNewMacvlan({ ...spec, group: parent.group }));
  const made = kernel.find(spec.name);
  if (made === undefined) throw new KernelAnswerError(attempt, 'it is not there although the kernel made it');
  const { index } = made.link;
  try {
    takeOver(kernel, parents, attempt, made, parent);
    const warnings = prepareIpv6(kernel, attempt, made);
    const up = spec.up ?? true;
    if (made.link.up !== up) kernel.set(attempt, encodeLinkState(index, up));
    return { ...describe(made, warnings), up };
  } catch (error) {
    if (!adopted) remove(kernel, parents, index);
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

/** Removes what has the name and is ours, but is not what is wanted. */
function clearPlace(kernel: LinkKernel, parents: Parents, attempt: Attempt, spec: MacvlanSpec): void {
  const there = kernel.find(spec.name);
  if (there === undefined) return;
  if (there.isPrivate && there.parent === spec.parent && there.link.mac === spec.mac) return;
  if (isOwn(there)) remove(kernel, parents, there.link.index);
  else
    throw new KernelError(
      attempt,
      ERRNO.EEXIST,
      undefined,
      'another link has that name: choose a different one',
    );
}

/** Marks it as ours, with the parent's settings as they were, and changes those. */
function takeOver(
  kernel: LinkKernel,
  parents: Parents,
  attempt: Attempt,
  made: LinkDetail,
  parent: LinkDetail,
): void {
  const { index } = made.link;
  const before = parents.get(parent.link.index) ?? settingsBefore(kernel, parent);
  parents.set(parent.link.index, before);
  kernel.set(attempt, encodeLinkAlias(index, aliasOf(before)));
  kernel.set(
    attempt,
    encodeIpv4Settings(index, {
      arp_ignore: 1,
      arp_announce: 2,
      accept_local: 1,
      // The higher of the link's and of `all` counts, and strict (1) is below loose (2).
      rp_filter: readSysctl('ipv4/conf/all/rp_filter') === 0 ? 0 : 2,
      promote_secondaries: 1,
    }),
  );
  const wanted = differing(parent.settings, (name, value) => Math.max(value, PARENT_SETTINGS[name]));
  if (wanted !== undefined) kernel.set(attempt, encodeIpv4Settings(parent.link.index, wanted));
}

/** Of a parent that has a macvlan of ours, what its alias remembers. */
function settingsBefore(kernel: LinkKernel, { link, settings }: LinkDetail): ParentSettings {
  const [sibling] = ownOn(kernel, link.index);
  return (sibling && parentSettings(sibling.alias)) ?? settings;
}

/**
 * No address of its own making: neither the link-local one, nor one out of a router's advertisement, which netlink has
 * no setting for. Gives a warning where that could not be set.
 */
function prepareIpv6(kernel: LinkKernel, attempt: Attempt, { link }: LinkDetail): readonly string[] {
  try {
    kernel.set(attempt, encodeNoAutomaticAddress(link.index));
  } catch (error) {
    // This kernel runs without IPv6.
    if (isKernelError(error, 'EAFNOSUPPORT')) return [];
    throw error;
  }
  const path = `ipv6/conf/${link.name}/accept_ra`;
  if (readSysctl(path) === 0) return [];
  try {
    writeFileSync(`${SYSCTLS}/${path}`, '0\n');
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [
      `cannot set ${SYSCTLS}/${path} to 0 (${reason}): where a router advertises itself, ${link.name} takes an address and a default route from it; have net.ipv6.conf.default.accept_ra = 0, or let this service write there`,
    ];
  }
}

function remove(kernel: LinkKernel, parents: Parents, index: number): void {
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
  kernel.remove(index, gone.link.name);
}

/** A setting that is not as we set it is somebody else's by now. */
function restoreParent(kernel: LinkKernel, parent: LinkDetail | undefined, last: LinkDetail): void {
  const before = parentSettings(last.alias);
  if (parent === undefined || before === undefined) return;
  const wanted = differing(parent.settings, (name, value) =>
    value === PARENT_SETTINGS[name] ? before[name] : value,
  );
  const attempt = { operation: 'put back the ARP settings of', object: `link ${parent.link.name}` };
  if (wanted !== undefined) kernel.set(attempt, encodeIpv4Settings(parent.link.index, wanted));
}

const isOwn = ({ kind, alias }: LinkDetail): boolean => kind === 'macvlan' && alias.startsWith(MARK);

const ownOn = (kernel: LinkKernel, parent: number): readonly LinkDetail[] =>
  kernel.list().filter((detail) => isOwn(detail) && detail.parent === parent);

const describe = ({ link, parent }: LinkDetail, warnings: readonly string[]): Macvlan => ({
  index: link.index,
  name: link.name,
  parent: parent ?? 0,
  mac: link.mac ?? ('' as MacAddress),
  up: link.up,
  warnings,
});

const SYSCTLS = '/proc/sys/net';

/** undefined where the kernel has no such setting. */
function readSysctl(path: string): number | undefined {
  try {
    return Number(readFileSync(`${SYSCTLS}/${path}`, 'utf8'));
  } catch {
    return undefined;
  }
}
