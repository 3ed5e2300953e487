/** Whether a real server has its VIPs, and where nobody else hears of them. Pure. */
import { isAsked, type Link } from '../kernel/links.ts';
import { familyOf, formatPrefix, fullLength, type IpAddress, type Prefix } from '../model/address.ts';
import type { RealServerRole } from '../prepare/real-server.ts';
import { type Finding, good, problem } from './finding.ts';

export interface HeldAddresses {
  readonly links: readonly Pick<Link, 'index' | 'name' | 'mac' | 'up'>[];
  readonly addresses: readonly { readonly index: number; readonly prefix: Prefix }[];
}

/** `owned`: what this host has on its links as a director, which answers for it while it is active. */
export function hiddenAddressFindings(
  roles: readonly RealServerRole[],
  { links, addresses }: HeldAddresses,
  owned: ReadonlySet<IpAddress> = new Set(),
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
      return holders.flatMap((holder) => holderFindings(holder, role));
    }),
  );
  if (found.length > 0 || roles.length === 0) return found;
  return [good(`hidden here, and up: ${roles.flatMap(({ vips }) => vips).join(', ')}`)];
}

interface Holder {
  readonly link: HeldAddresses['links'][number];
  readonly prefix: Prefix;
}

const startCommand = ({ vips, forwarding, outer }: RealServerRole): string =>
  `vipward realserver start --vip ${vips.join(' ')} --forwarding ${forwarding}${outer === 'as the VIP' ? '' : ` --outer ${outer}`}`;

const missing = (role: RealServerRole, vip: IpAddress): Finding =>
  problem(
    `this host does not have the VIP ${vip}`,
    'it drops what the director sends here',
    startCommand(role),
  );

function holderFindings({ link, prefix }: Holder, role: RealServerRole): readonly Finding[] {
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
  if (isAsked(link)) {
    return [
      problem(
        `the VIP ${prefix.address} is on ${link.name}, where this host answers for it`,
        'it takes the VIP away from the director',
        `ip addr del ${text} dev ${link.name}; ${startCommand(role)}; but where it is no VIP, but this host's own address: vipward realserver stop --vip ${role.vips.join(' ')}`,
      ),
    ];
  }
  if (link.name === 'lo' && prefix.length < fullLength(familyOf(prefix.address))) {
    return [
      problem(
        `${text} is on lo with its whole network`,
        'this host takes every address of that network for its own, and reaches none of the hosts there',
        `ip addr del ${text} dev lo; ${startCommand(role)}`,
      ),
    ];
  }
  return [];
}
