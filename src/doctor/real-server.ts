/** The doctor's round on a real server. */
import { type RealServerRole, realServerNeeds } from '../prepare/real-server.ts';
import { denialFindings } from './denials.ts';
import { passageFindings, realServerPassages } from './filter/traffic.ts';
import { lookAtFilters } from './filters.ts';
import type { Finding } from './finding.ts';
import { hiddenAddressFindings } from './hidden-addresses.ts';
import { lookAtLog, lookAtNetwork } from './host.ts';
import { settingFindings } from './settings.ts';

/** `roles`: those that were taken up here, one at least. Throws SystemError, KernelError. */
export async function examineRealServer(roles: readonly RealServerRole[]): Promise<readonly Finding[]> {
  const sight = lookAtNetwork();
  const [filters, log] = await Promise.all([lookAtFilters(), lookAtLog()]);
  const needs = realServerNeeds(roles, { links: [], filter: '0' });
  return [
    ...hiddenAddressFindings(roles, sight),
    ...settingFindings(needs.settings),
    ...passageFindings(filters.ruleset, roles.flatMap(realServerPassages)),
    ...filters.unseen,
    ...denialFindings(log),
  ];
}
