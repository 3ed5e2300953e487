/** The quorum of a virtual server: whether it can be lost and gained. */
import { onceForEach } from '../../model/once.ts';
import { errorAt, type Finding, warningAt } from '../finding.ts';
import type { ConfigDraft, ServiceDraft } from './draft.ts';
import { readServices, type Service } from './service.ts';

export const quorumFindings = (draft: ConfigDraft): readonly Finding[] =>
  readServices(draft).flatMap(ofService);

const ofService = onceForEach(({ path, value }: Service): readonly Finding[] => {
  const { weight, hysteresis } = value.quorum ?? {};
  if (weight === undefined || hysteresis === undefined) return [];
  const at = [...path, 'quorum'];
  if (hysteresis >= weight) {
    const message = `hysteresis ${hysteresis} must be less than the weight, ${weight}: otherwise the quorum is never lost`;
    return [errorAt([...at, 'hysteresis'], message)];
  }
  const sum = sumOfWeights(value);
  if (sum === undefined) return [];
  if (sum === 0) return [warningAt([...path, 'real_servers'], withoutWeight(value))];
  if (weight > sum) {
    const message = `quorum ${weight} is more than all weights together, ${sum}: the service would never be up`;
    return [warningAt(at, message)];
  }
  if (weight + hysteresis <= sum) return [];
  const message = `quorum ${weight} and hysteresis ${hysteresis} are more than all weights together, ${sum}: once lost, it is never gained again`;
  return [warningAt(at, message)];
});

/** It may be meant, of a service that is being taken out of use. */
const withoutWeight = ({ sorry_server: sorry }: ServiceDraft): string =>
  `all weights are 0, so that the quorum is never reached: ${sorry === undefined ? 'the service is never up' : 'clients get the sorry server alone'}; give one a weight, or take them out of use by vipward drain`;

/** Exact: ten thousand of 2^31 are far below 2^53. */
function sumOfWeights({ real_servers: servers }: ServiceDraft): number | undefined {
  const weights = (servers ?? [undefined]).map((server) => server?.weight);
  const known = weights.flatMap((weight) => weight ?? []);
  // That there is none at all is told by itself.
  return known.length === weights.length && known.length > 0
    ? known.reduce((sum, weight) => sum + weight, 0)
    : undefined;
}
