/** What the versions of the protocol know, and what has no effect. */
import { familyOf } from '../../model/address.ts';
import { durationText } from '../../model/units.ts';
import { errorAt, type Finding, warningAt } from '../finding.ts';
import {
  type ConfigDraft,
  familiesOf,
  itemsOf,
  knowsAddresses,
  type Named,
  type VirtualRouterDraft,
  virtualRoutersOf,
} from './draft.ts';
import { weightedUsesOf } from './tracking.ts';

type Router = Named<VirtualRouterDraft>;

export const protocolFindings = (draft: ConfigDraft): readonly Finding[] =>
  virtualRoutersOf(draft).flatMap((router) => [
    ...version2(router),
    ...textPassword(router),
    ...uselessChecksum(router),
    ...owner(router),
  ]);

/** RFC 3768 sections 5.3.7 and 5.3.9. */
function version2({ path, value }: Router): readonly Finding[] {
  if (value.version !== 2) return [];
  const interval = value.advert_interval;
  const fraction =
    interval !== undefined && interval % 1000 !== 0
      ? [
          errorAt(
            [...path, 'advert_interval'],
            `version 2 knows only whole seconds, not ${durationText(interval)}: give 1s or more, or use version 3`,
          ),
        ]
      : [];
  const foreign = itemsOf(value.addresses, [...path, 'addresses']).filter(
    ({ value: vip }) => familyOf(vip.address) === 'ipv6' && !vip.excluded,
  );
  return [
    ...fraction,
    ...foreign.map((item) =>
      errorAt(
        item.path,
        `version 2 knows only IPv4: use version 3, or leave ${item.value.address} out of the adverts with excluded: true`,
      ),
    ),
  ];
}

/** RFC 9568 section 9: version 3 has no such field. */
function textPassword({ path, value }: Router): readonly Finding[] {
  if (value.version !== 3 || value.authentication === undefined || !('text' in value.authentication))
    return [];
  const message = 'version 3 has no text password: use hmac, or version 2';
  return [errorAt([...path, 'authentication', 'text'], message)];
}

function uselessChecksum({ path, value }: Router): readonly Finding[] {
  if (value.checksum !== 'rfc9568') return [];
  const at = [...path, 'checksum'];
  if (value.version === 2) return [warningAt(at, 'checksum has no effect: version 2 has one form only')];
  if (!knowsAddresses(value) || familiesOf(value).includes('ipv4')) return [];
  return [warningAt(at, 'checksum has no effect: IPv6 has one form only')];
}

/** RFC 9568 section 6.4.1 and keepalived: the owner of the addresses is active whenever it is up. */
function owner({ path, value }: Router): readonly Finding[] {
  if (value.priority !== 255) return [];
  const useless = (key: string, what: string) =>
    warningAt(
      [...path, key],
      `${what} has no effect: priority 255 always takes over, and nothing changes it`,
    );
  const preempt =
    value.preempt !== undefined && value.preempt !== true ? [useless('preempt', 'preempt')] : [];
  const weights = weightedUsesOf(value.track ?? {}).length > 0 ? [useless('track', 'a weight')] : [];
  return [...preempt, ...weights];
}
