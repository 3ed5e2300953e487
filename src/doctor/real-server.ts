/** The doctor's round on a real server. */
import { isAsked } from '../kernel/links.ts';
import { readSetting } from '../kernel/sysctl.ts';
import { familyOf, type IpAddress } from '../model/address.ts';
import { type RealServerRole, realServerNeeds } from '../prepare/real-server.ts';
import { attempt } from './attempt.ts';
import { denialFindings } from './denials.ts';
import { arpFindings, hiddenByArpRules, realServerArpPassages } from './filter/arp.ts';
import { passageFindings, realServerPassages } from './filter/traffic.ts';
import { lookAtFilters } from './filters.ts';
import { type Finding, warning } from './finding.ts';
import { hiddenAddressFindings } from './hidden-addresses.ts';
import { lookAtLog, lookAtNetwork, type Sight } from './host.ts';
import { lookAtLinks } from './link-traps.ts';
import { settingFindings } from './settings.ts';
import { strictFilterFindings, trackingFindings } from './traps.ts';

/** `roles`: those that were taken up here, one at least. What cannot be looked at costs no other. Never rejects. */
export async function examineRealServer(roles: readonly RealServerRole[]): Promise<readonly Finding[]> {
  const filters = lookAtFilters();
  const needs = realServerNeeds(roles, { links: [], filter: '0' });
  const checks: readonly [string, () => readonly Finding[] | Promise<readonly Finding[]>][] = [
    ['whether the VIPs are here, and hidden', () => hiddenAddressFindings(roles, lookAtNetwork())],
    [
      'kernel settings',
      async () => {
        const byRules = hiddenByArpRules((await filters).arp, roles);
        return settingFindings(needs.settings, readSetting, linksAsked(lookAtNetwork())).map((finding) =>
          insteadOf(finding, byRules),
        );
      },
    ],
    ['reverse-path filters', () => strictFilterFindings(linksToOthers(lookAtNetwork()), readSetting)],
    ['connection tracking', () => trackingFindings(readSetting)],
    [
      'what packet filters do',
      async () => {
        const { ruleset, arp, unseen } = await filters;
        return [
          ...passageFindings(ruleset, roles.flatMap(realServerPassages)),
          ...arpFindings(arp, realServerArpPassages(ownAddresses(roles, lookAtNetwork()))),
          ...unseen,
        ];
      },
    ],
    ['what is done to packets on the links', () => lookAtLinks(lookAtNetwork())],
    ['what SELinux and AppArmor have denied', async () => denialFindings(await lookAtLog(), Date.now())],
  ];
  const found = await Promise.all(checks.map(([what, look]) => attempt(what, look)));
  return found.flat();
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
function ownAddresses(roles: readonly RealServerRole[], { links, addresses }: Sight): readonly IpAddress[] {
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
