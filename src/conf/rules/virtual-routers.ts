/** Virtual routers: their VRIDs, their interfaces, and the owner of the addresses. */
import type { Environment } from '../environment.ts';
import { errorAt, type Finding, warningAt } from '../finding.ts';
import {
  type ConfigDraft,
  duplicates,
  type Named,
  type VirtualRouterDraft,
  virtualRoutersOf,
} from './draft.ts';

const LOOPBACK = 'lo';

export function virtualRouterFindings(draft: ConfigDraft, environment: Environment): readonly Finding[] {
  const routers = virtualRoutersOf(draft);
  return [
    ...duplicateVrids(routers),
    ...routers.flatMap(onLoopback),
    ...routers.flatMap((router) => missingInterface(router, environment)),
    ...routers.flatMap((router) => notOwner(router, environment)),
  ];
}

function duplicateVrids(routers: readonly Named<VirtualRouterDraft>[]): readonly Finding[] {
  return duplicates(
    routers,
    ({ value }) =>
      value.interface === undefined || value.vrid === undefined
        ? undefined
        : `${value.vrid} ${value.interface}`,
    ({ path, value }, first) =>
      errorAt(
        [...path, 'vrid'],
        `vrid ${value.vrid} on ${value.interface} belongs to virtual router "${first.name}" already: choose another from 1 to 255`,
      ),
  );
}

function onLoopback({ path, value }: Named<VirtualRouterDraft>): readonly Finding[] {
  if (value.interface !== LOOPBACK) return [];
  const message = `interface ${LOOPBACK} reaches no other director: give the interface of the network that they share`;
  return [errorAt([...path, 'interface'], message)];
}

function missingInterface(
  router: Named<VirtualRouterDraft>,
  { interfaces }: Environment,
): readonly Finding[] {
  const name = router.value.interface;
  if (name === undefined || name === LOOPBACK || interfaces.some((known) => known.name === name)) return [];
  const message = `interface ${name} does not exist here: the virtual router waits in FAULT until it appears`;
  return [warningAt([...router.path, 'interface'], `${message}${knownNames(interfaces)}`)];
}

function knownNames(interfaces: Environment['interfaces']): string {
  const names = interfaces.map(({ name }) => name).filter((name) => name !== LOOPBACK);
  if (names.length === 0) return '';
  return ` (there are ${names.slice(0, 6).join(', ')}${names.length > 6 ? ', …' : ''})`;
}

/** RFC 9568 section 6.1: priority 255 is for the router that has the addresses as its own. */
function notOwner({ path, value }: Named<VirtualRouterDraft>, environment: Environment): readonly Finding[] {
  if (value.priority !== 255) return [];
  const device = environment.interfaces.find(({ name }) => name === value.interface);
  // Without a carrier its addresses are not known.
  if (device === undefined || device.addresses.length === 0) return [];
  const foreign = (value.addresses ?? []).find(
    (vip) => vip !== undefined && !device.addresses.some(({ address }) => address === vip.address),
  );
  if (foreign === undefined) return [];
  const message = `priority 255 is for the owner of the addresses, but ${value.interface} does not have ${foreign.address}: use 254 at most`;
  return [warningAt([...path, 'priority'], message)];
}
