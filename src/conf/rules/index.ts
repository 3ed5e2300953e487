/** How the values of a configuration must fit together. Each rule is pure and stands in the file of its subject. */
import type { Environment } from '../environment.ts';
import { errorAt, type Finding } from '../finding.ts';
import type { ConfigDraft } from './draft.ts';
import { checkFindings } from './health-check.ts';
import { realServerFindings } from './real-servers.ts';
import { sorryServerFindings } from './sorry-server.ts';
import { virtualAddressFindings } from './virtual-addresses.ts';
import { virtualRouterFindings } from './virtual-routers.ts';
import { virtualServerFindings } from './virtual-servers.ts';

type Rule = (draft: ConfigDraft, environment: Environment) => readonly Finding[];

const RULES: readonly Rule[] = [
  somethingToDo,
  virtualRouterFindings,
  virtualAddressFindings,
  virtualServerFindings,
  realServerFindings,
  sorryServerFindings,
  checkFindings,
];

/** Everything that the rules find, in no particular order. */
export const findAll: (draft: ConfigDraft, environment: Environment) => readonly Finding[] = (
  draft,
  environment,
) => RULES.flatMap((rule) => rule(draft, environment));

function somethingToDo({ virtual_routers, services }: ConfigDraft): readonly Finding[] {
  // A section that could not be read is not empty.
  if (virtual_routers === undefined || services === undefined) return [];
  if (Object.keys(virtual_routers).length + Object.keys(services).length > 0) return [];
  return [errorAt([], 'there is nothing to do: define virtual_routers, services or both')];
}
