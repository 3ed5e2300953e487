/** The doctor's round on a real server. */
import { readSetting } from '../kernel/sysctl.ts';
import { familyOf } from '../model/address.ts';
import { type RealServerRole, realServerNeeds } from '../prepare/real-server.ts';
import { denialFindings } from './denials.ts';
import { passageFindings, realServerPassages } from './filter/traffic.ts';
import { lookAtFilters } from './filters.ts';
import type { Finding } from './finding.ts';
import { hiddenAddressFindings } from './hidden-addresses.ts';
import { lookAtLog, lookAtNetwork, type Sight } from './host.ts';
import { settingFindings } from './settings.ts';
import { strictFilterFindings, trackingFindings } from './traps.ts';

/** `roles`: those that were taken up here, one at least. Throws SystemError, KernelError. */
export async function examineRealServer(roles: readonly RealServerRole[]): Promise<readonly Finding[]> {
  const sight = lookAtNetwork();
  const [filters, log] = await Promise.all([lookAtFilters(), lookAtLog()]);
  const needs = realServerNeeds(roles, { links: [], filter: '0' });
  return [
    ...hiddenAddressFindings(roles, sight),
    ...settingFindings(needs.settings),
    ...strictFilterFindings(linksToOthers(sight), readSetting),
    ...trackingFindings(readSetting),
    ...passageFindings(filters.ruleset, roles.flatMap(realServerPassages)),
    ...filters.unseen,
    ...denialFindings(log),
  ];
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
