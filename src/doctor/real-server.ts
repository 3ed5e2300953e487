/** What the doctor looks at on a real server. */
import { isAsked } from '../kernel/links.ts';
import { readSetting } from '../kernel/sysctl.ts';
import { familyOf, type IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import { realServerNeeds } from '../prepare/real-server.ts';
import type { Check } from './attempt.ts';
import { type ExaminedRole, endFindings, lasting } from './by-hand.ts';
import { hiddenByArpRules } from './filter/arp.ts';
import type { Filters } from './filters.ts';
import { type Finding, warning } from './finding.ts';
import { hiddenAddressFindings } from './hidden-addresses.ts';
import { lookAtNetwork, type Sight } from './host.ts';
import { settingFindings } from './settings.ts';
import { strictFilterFindings } from './traps.ts';

interface RealServer {
  /** Those that were taken up here, one at least. */
  readonly roles: readonly ExaminedRole[];
  /** Of the director that this host is as well. */
  readonly config: Pick<Config, 'virtualRouters'> | undefined;
}

/** What a real server alone is looked at for. */
export const realServerChecks = (
  { roles, config }: RealServer,
  filters: Promise<Filters>,
): readonly Check[] => [
  [
    'whether the VIPs are here, and hidden',
    async () => {
      const byRules = hiddenByArpRules((await filters).arp, roles);
      return hiddenAddressFindings(roles, lookAtNetwork(), { owned: ownedBy(config), byRules });
    },
  ],
  ['the ends of the tunnels', () => endFindings(roles, lookAtNetwork(), readSetting)],
  ['reverse-path filters', () => strictFilterFindings(linksToOthers(lookAtNetwork()), readSetting)],
];

/** What the virtual routers of a director put on its links, to be answered for. */
const ownedBy = (config: RealServer['config']): ReadonlySet<IpAddress> =>
  new Set(config?.virtualRouters.flatMap(({ addresses }) => addresses.map(({ address }) => address)));

/** Of the settings that the roles need: how many there are, and what is wrong with them. */
export async function realServerSettingFindings(roles: readonly ExaminedRole[], filters: Promise<Filters>) {
  // What was made by hand for a tunnel may be another end, and is looked at by itself.
  const plain = roles.map((role) =>
    role.byHand === undefined ? role : ({ ...role, forwarding: 'dr' } as const),
  );
  const { settings } = realServerNeeds(plain, { links: [], filter: '0' });
  const lasts = roles.some(({ byHand }) => byHand === undefined);
  const byRules = hiddenByArpRules((await filters).arp, roles);
  const found = settingFindings(settings, readSetting, linksAsked(lookAtNetwork()));
  const findings = found
    .map((finding) => insteadOf(finding, byRules))
    .map((finding) => (lasts ? finding : { ...finding, mend: lasting(finding.mend) }));
  return { count: settings.length, findings, defeats: [] };
}

/** Rules of ARP may do what arp_ignore does: the VIP is hidden then, but only for as long as they are there. */
function insteadOf(finding: Finding, byRules: string | undefined): Finding {
  if (byRules === undefined || !/ARP/.test(finding.breaks)) return finding;
  return warning(
    `${finding.what}; rules hide the VIP instead: ${byRules}`,
    'when those rules are gone, this host takes the VIP away from the director',
    finding.mend,
  );
}

/** By which others reach this host over IPv4. */
export function ownAddresses(
  roles: readonly ExaminedRole[],
  { links, addresses }: Sight,
): readonly IpAddress[] {
  const vips = new Set(roles.flatMap((role) => role.vips));
  const reached = new Set(links.filter(({ up, mac }) => up && mac !== undefined).map(({ index }) => index));
  return addresses
    .filter(({ index, prefix }) => reached.has(index) && familyOf(prefix.address) === 'ipv4')
    .map(({ prefix }) => prefix.address)
    .filter((address) => !vips.has(address));
}

const linksAsked = ({ links }: Sight): readonly string[] => links.filter(isAsked).map(({ name }) => name);

/** Links that are up and have an IPv4 address, what hides a VIP apart. */
function linksToOthers({ links, addresses }: Sight): readonly string[] {
  const withIpv4 = new Set(
    addresses.filter(({ prefix }) => familyOf(prefix.address) === 'ipv4').map(({ index }) => index),
  );
  return links
    .filter(({ index, up, mac }) => up && mac !== undefined && withIpv4.has(index))
    .map(({ name }) => name);
}
