/** Virtual routers: their VRIDs, their interfaces, and the owner of the addresses. */
import type { Family } from '../../model/address.ts';
import type { Environment } from '../environment.ts';
import { errorAt, type Finding, warningAt } from '../finding.ts';
import {
  type ConfigDraft,
  duplicates,
  familiesOf,
  itemsOf,
  type Named,
  type VirtualRouterDraft,
  virtualRoutersOf,
} from './draft.ts';
import { waysOf } from './transport.ts';

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

interface Instance {
  readonly router: Named<VirtualRouterDraft>;
  readonly interface: string | undefined;
  readonly family: Family;
}

/** One protocol instance for each family; its adverts must not meet those of another on any of their ways. */
function duplicateVrids(routers: readonly Named<VirtualRouterDraft>[]): readonly Finding[] {
  const instances = routers.flatMap((router) =>
    interfacesOf(router).flatMap((name) =>
      familiesOf(router.value).map((family): Instance => ({ router, interface: name, family })),
    ),
  );
  return duplicates(
    instances,
    ({ router: { value }, interface: name, family }) =>
      name === undefined || value.vrid === undefined ? undefined : `${value.vrid} ${family} ${name}`,
    ({ router, interface: name }, first) =>
      errorAt(
        [...router.path, 'vrid'],
        `vrid ${router.value.vrid} on ${name} belongs to virtual router "${first.router.name}" already: choose another from 1 to 255`,
      ),
  );
}

const interfacesOf = (router: Named<VirtualRouterDraft>) => [
  ...new Set([router.value.interface, ...waysOf(router).map(({ value }) => value.interface)]),
];

function onLoopback({ path, value }: Named<VirtualRouterDraft>): readonly Finding[] {
  const message = `interface ${LOOPBACK} reaches no other director: give the interface of the network that they share`;
  const own = value.interface === LOOPBACK ? [errorAt([...path, 'interface'], message)] : [];
  const others = itemsOf(value.heartbeat, [...path, 'heartbeat']).filter(
    (item) => item.value.interface === LOOPBACK,
  );
  return [...own, ...others.map((item) => errorAt(item.path, message))];
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
    (vip) =>
      vip !== undefined &&
      vip.device === undefined &&
      !device.addresses.some(({ address }) => address === vip.address),
  );
  if (foreign === undefined) return [];
  const message = `priority 255 is for the owner of the addresses, but ${value.interface} does not have ${foreign.address}: use 254 at most`;
  return [warningAt([...path, 'priority'], message)];
}
