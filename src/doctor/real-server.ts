/** The doctor's round on a real server. */
import { readSetting } from '../kernel/sysctl.ts';
import { familyOf } from '../model/address.ts';
import { type RealServerRole, realServerNeeds } from '../prepare/real-server.ts';
import { attempt } from './attempt.ts';
import { denialFindings } from './denials.ts';
import { passageFindings, realServerPassages } from './filter/traffic.ts';
import { lookAtFilters } from './filters.ts';
import type { Finding } from './finding.ts';
import { hiddenAddressFindings } from './hidden-addresses.ts';
import { lookAtLog, lookAtNetwork, type Sight } from './host.ts';
import { settingFindings } from './settings.ts';
import { strictFilterFindings, trackingFindings } from './traps.ts';

/** `roles`: those that were taken up here, one at least. What cannot be looked at costs no other. Never rejects. */
export async function examineRealServer(roles: readonly RealServerRole[]): Promise<readonly Finding[]> {
  const filters = lookAtFilters();
  const needs = realServerNeeds(roles, { links: [], filter: '0' });
  const checks: readonly [string, () => readonly Finding[] | Promise<readonly Finding[]>][] = [
    ['whether the VIPs are here, and hidden', () => hiddenAddressFindings(roles, lookAtNetwork())],
    ['kernel settings', () => settingFindings(needs.settings)],
    ['reverse-path filters', () => strictFilterFindings(linksToOthers(lookAtNetwork()), readSetting)],
    ['connection tracking', () => trackingFindings(readSetting)],
    [
      'what packet filters do',
      async () => {
        const { ruleset, unseen } = await filters;
        return [...passageFindings(ruleset, roles.flatMap(realServerPassages)), ...unseen];
      },
    ],
    ['what SELinux and AppArmor have denied', async () => denialFindings(await lookAtLog())],
  ];
  const found = await Promise.all(checks.map(([what, look]) => attempt(what, look)));
  return found.flat();
}

/** Links that are up and have an IPv4 address, what hides a VIP apart. */
function linksToOthers({ links, addresses }: Sight): readonly string[] {
  const withIpv4 = new Set(
    addresses.filter(({ prefix }) => familyOf(prefix.address) === 'ipv4').map(({ index }) => index),
  );
  return links
    .filter(({ index, up, mac }) => up && mac !== undefined && withIpv4.has(index))
    .map(({ name }) => name);
}
