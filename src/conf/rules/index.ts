/** How the values of a configuration must fit together. Each rule is pure and stands in the file of its subject. */
import type { Environment } from '../environment.ts';
import { errorAt, type Finding } from '../finding.ts';
import { authenticationFindings } from './authentication.ts';
import { connectionSyncFindings } from './connection-sync.ts';
import type { ConfigDraft } from './draft.ts';
import { forwardingFindings } from './forwarding.ts';
import { guardFindings } from './guard.ts';
import { checkFindings } from './health-check.ts';
import { interfaceFindings } from './interfaces.ts';
import { ipvsSettingFindings } from './ipvs-settings.ts';
import { markFindings } from './marks.ts';
import { masqueradingFindings } from './masquerading.ts';
import { programFindings } from './programs.ts';
import { protocolFindings } from './protocol.ts';
import { quorumFindings } from './quorum.ts';
import { realServerFindings } from './real-servers.ts';
import { routeFindings } from './routes.ts';
import { schedulingFindings } from './scheduling.ts';
import { sorryServerFindings } from './sorry-server.ts';
import { sourceAddressFindings } from './source-address.ts';
import { syncGroupFindings } from './sync-groups.ts';
import { trackingFindings } from './tracking.ts';
import { transportFindings } from './transport.ts';
import { virtualAddressFindings } from './virtual-addresses.ts';
import { virtualRouterFindings } from './virtual-routers.ts';
import { virtualServerFindings } from './virtual-servers.ts';
import { vmacFindings } from './vmac.ts';

type Rule = (draft: ConfigDraft, environment: Environment) => readonly Finding[];

const RULES: readonly Rule[] = [
  somethingToDo,
  virtualRouterFindings,
  virtualAddressFindings,
  protocolFindings,
  transportFindings,
  authenticationFindings,
  vmacFindings,
  routeFindings,
  interfaceFindings,
  syncGroupFindings,
  trackingFindings,
  programFindings,
  guardFindings,
  connectionSyncFindings,
  ipvsSettingFindings,
  virtualServerFindings,
  markFindings,
  schedulingFindings,
  realServerFindings,
  forwardingFindings,
  masqueradingFindings,
  sorryServerFindings,
  sourceAddressFindings,
  checkFindings,
  quorumFindings,
];

/** Everything that the rules find, in no particular order. */
export const findAll: (draft: ConfigDraft, environment: Environment) => readonly Finding[] = (
  draft,
  environment,
) => RULES.flatMap((rule) => rule(draft, environment));

function somethingToDo({ virtual_routers, services, static: fixed }: ConfigDraft): readonly Finding[] {
  // A section that could not be read is not empty.
  if (virtual_routers === undefined || services === undefined || fixed === undefined) return [];
  const lists = [fixed.addresses, fixed.routes, fixed.rules];
  if (lists.some((list) => list === undefined || list.length > 0)) return [];
  if (Object.keys(virtual_routers).length + Object.keys(services).length > 0) return [];
  return [errorAt([], 'there is nothing to do: define virtual_routers, services or both')];
}
