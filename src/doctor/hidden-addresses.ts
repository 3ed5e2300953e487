/** Whether a real server has its VIPs, and where nobody else hears of them. Pure. */
import { isAsked, type Link } from '../kernel/links.ts';
import { familyOf, formatPrefix, fullLength, type IpAddress, type Prefix } from '../model/address.ts';
import type { ExaminedRole } from './by-hand.ts';
import { type Finding, good, problem, warning } from './finding.ts';

export interface HeldAddresses {
  readonly links: readonly Pick<Link, 'index' | 'name' | 'mac' | 'up'>[];
  readonly addresses: readonly { readonly index: number; readonly prefix: Prefix }[];
}

/** What else decides whether a VIP on a link takes it away from the director. */
export interface Exceptions {
  /** What this host has on its links as a director, which answers for it while it is active. */
  readonly owned: ReadonlySet<IpAddress>;
  /** The rule of ARP that keeps this host quiet about every VIP; undefined: there is none. */
  readonly byRules: string | undefined;
}

export function hiddenAddressFindings(
  roles: readonly ExaminedRole[],
  { links, addresses }: HeldAddresses,
  { owned, byRules }: Exceptions = { owned: new Set(), byRules: undefined },
): readonly Finding[] {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const held = Map.groupBy(addresses, ({ prefix }) => prefix.address);
  const found = roles.flatMap((role) =>
    role.vips.flatMap((vip) => {
      const holders = (held.get(vip) ?? []).flatMap(({ index, prefix }): Holder[] => {
        const link = byIndex.get(index);
        if (link === undefined || (owned.has(vip) && isAsked(link))) return [];
        return [{ link, prefix }];
      });
      if (holders.length === 0) return [missing(role, vip)];
      return holders.flatMap((holder) => holderFindings(holder, role, byRules));
    }),
  );
  if (found.length > 0 || roles.length === 0) return found;
  const named = roles.flatMap(({ vips, byHand }) =>
    vips.map((vip) => (byHand === undefined ? vip : `${vip} (prepared by hand, for ${wayOf(byHand)})`)),
  );
  return [good(`hidden here, and up: ${named.join(', ')}`)];
}

const wayOf = ({ end }: { readonly end: string | undefined }): string =>
  end === undefined ? 'dr' : `tun by ${end}`;

interface Holder {
  readonly link: HeldAddresses['links'][number];
  readonly prefix: Prefix;
}

const startCommand = ({ vips, forwarding, outer }: ExaminedRole): string =>
  `vipward realserver start --vip ${vips.join(' ')} --forwarding ${forwarding}${outer === 'as the VIP' ? '' : ` --outer ${outer}`}`;

const missing = (role: ExaminedRole, vip: IpAddress): Finding =>
  problem(
    `this host does not have the VIP ${vip}`,
    'it drops what the director sends here',
    startCommand(role),
  );

function holderFindings(
  { link, prefix }: Holder,
  role: ExaminedRole,
  byRules: string | undefined,
): readonly Finding[] {
  const text = formatPrefix(prefix);
  if (!link.up) {
    return [
      problem(
        `${link.name}, which has the VIP ${prefix.address}, is down`,
        'it drops what the director sends here',
        `ip link set ${link.name} up`,
      ),
    ];
  }
  if (isAsked(link) && byRules !== undefined && familyOf(prefix.address) === 'ipv4') {
    return [
      warning(
        `the VIP ${prefix.address} is on ${link.name}; rules hide it there: ${byRules}`,
        'when those rules are gone, this host takes the VIP away from the director',
        `ip addr del ${text} dev ${link.name}; ${startCommand(role)}`,
      ),
    ];
  }
  if (isAsked(link)) {
    return [
      problem(
        `the VIP ${prefix.address} is on ${link.name}, where this host answers for it`,
        'it takes the VIP away from the director',
        `ip addr del ${text} dev ${link.name}; ${startCommand(role)}; but where it is no VIP, but this host's own address: vipward realserver stop --vip ${role.vips.join(' ')}`,
      ),
    ];
  }
  return prefix.length < fullLength(familyOf(prefix.address)) ? [wholeNetwork({ link, prefix }, role)] : [];
}

function wholeNetwork({ link, prefix }: Holder, role: ExaminedRole): Finding {
  const text = formatPrefix(prefix);
  const alone = formatPrefix({ ...prefix, length: fullLength(familyOf(prefix.address)) });
  // The other first: without any address of its own a tunnel with a loose filter drops everything for that moment.
  const byHand = `ip addr add ${alone} dev ${link.name}; ip addr del ${text} dev ${link.name}; and where ${link.name} is configured, so that it lasts`;
  return problem(
    `${text} is on ${link.name} with its whole network`,
    link.name === 'lo'
      ? 'this host takes every address of that network for its own, and reaches none of the hosts there'
      : `this host looks for that whole network behind ${link.name}, and reaches none of the hosts there`,
    role.byHand === undefined ? `ip addr del ${text} dev ${link.name}; ${startCommand(role)}` : byHand,
  );
}
