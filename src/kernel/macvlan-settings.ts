/** The settings of macvlans and of their parents: see macvlan.ts for what they are for. */
import { readFileSync, writeFileSync } from 'node:fs';
import { reasonOf } from '../model/reason.ts';
import {
  encodeIpv4Settings,
  encodeLinkAlias,
  encodeNoAutomaticAddress,
  type LinkDetail,
} from '../netlink/route/macvlan.ts';
import { type Attempt, isKernelError } from './kernel-error.ts';
import type { LinkKernel } from './link-kernel.ts';
import {
  aliasOf,
  differing,
  MARK,
  PARENT_SETTINGS,
  type ParentSettings,
  parentSettings,
} from './macvlan-parent.ts';

const SYSCTLS = '/proc/sys/net';

/** undefined where the kernel has no such setting. */
function readSysctl(path: string): number | undefined {
  try {
    return Number(readFileSync(`${SYSCTLS}/${path}`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whether we have made it. */
export const isOwn = ({ kind, alias }: LinkDetail): boolean => kind === 'macvlan' && alias.startsWith(MARK);

const ownOn = (kernel: LinkKernel, parent: number): readonly LinkDetail[] =>
  kernel.list().filter((detail) => isOwn(detail) && detail.parent === parent);

/** Marks it as ours, with the parent's settings as they were, and changes those. */
export function takeOver(
  kernel: LinkKernel,
  parents: Map<number, ParentSettings>,
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
      // net.ipv4.conf.default may have it on.
      accept_local: 0,
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
export function prepareIpv6(kernel: LinkKernel, attempt: Attempt, made: LinkDetail): readonly string[] {
  const { link } = made;
  try {
    kernel.set(attempt, encodeNoAutomaticAddress(link.index));
  } catch (error) {
    // This kernel runs without IPv6.
    if (isKernelError(error, 'EAFNOSUPPORT')) return [];
    throw error;
  }
  const path = `ipv6/conf/${link.name}/accept_ra`;
  const refused = readSysctl(path) === 0 ? undefined : writeSysctl(path, 0);
  const warnings =
    refused === undefined
      ? []
      : [
          `${refused}: where a router advertises itself, ${link.name} takes an address and a default route from it; have net.ipv6.conf.default.accept_ra = 0, or let this service write there`,
        ];
  const unsilenced = setIpv6(made, true);
  if (unsilenced !== undefined)
    warnings.push(
      `${unsilenced}: when this router gives way, a last report of its kernel may draw a switch back to it until the successor's next advert; let this service write there`,
    );
  return warnings;
}

/**
 * Where the IPv6 addresses have been removed, the kernel tells of the multicast groups that they were in (RFC 3810
 * section 6.1) 8 ms later and again within a second, and the link may take longer to be down: such a report comes from
 * the virtual Ethernet address after the successor's first advert, and draws the switch back to this port until the
 * next one. It is called off where IPv6 is off on the link in time, which takes the kernel no time. Without IPv6 the
 * link takes no IPv6 address. Gives what was refused and why, in words. Nothing happens to a link of IPv4.
 */
export function setIpv6({ link }: LinkDetail, on: boolean): string | undefined {
  return link.mac?.startsWith(MACS_IPV6) === true
    ? writeSysctl(`ipv6/conf/${link.name}/disable_ipv6`, on ? 0 : 1)
    : undefined;
}

/** RFC 9568 section 7.3. */
const MACS_IPV6 = '00:00:5e:00:02:';

/** Gives what was refused and why, in words. */
function writeSysctl(path: string, value: number): string | undefined {
  try {
    writeFileSync(`${SYSCTLS}/${path}`, `${value}\n`);
    return undefined;
  } catch (error) {
    const reason = reasonOf(error);
    return `cannot set ${SYSCTLS}/${path} to ${value} (${reason})`;
  }
}

/** A setting that is not as we set it is somebody else's by now. */
export function restoreParent(kernel: LinkKernel, parent: LinkDetail | undefined, last: LinkDetail): void {
  const before = parentSettings(last.alias);
  if (parent === undefined || before === undefined) return;
  const wanted = differing(parent.settings, (name, value) =>
    value === PARENT_SETTINGS[name] ? before[name] : value,
  );
  const attempt = { operation: 'put back the ARP settings of', object: `link ${parent.link.name}` };
  if (wanted !== undefined) kernel.set(attempt, encodeIpv4Settings(parent.link.index, wanted));
}
