/** Network interfaces that the configuration names beside a virtual router's own. */
import type { Environment } from '../environment.ts';
import { type Finding, type Path, warningAt } from '../finding.ts';
import type { Draft } from '../salvage.ts';
import type { RouteShape } from '../schema/index.ts';
import { type ConfigDraft, itemsOf, syncGroupsOf, virtualRoutersOf } from './draft.ts';
import { vmacDeviceOf } from './vmac.ts';

interface Mention {
  readonly path: Path;
  readonly name: string | undefined;
  /** What that means until it appears; unless it is given, that something waits for it. */
  readonly meanwhile?: string;
}

export function interfaceFindings(draft: ConfigDraft, { interfaces }: Environment): readonly Finding[] {
  // Devices of virtual Ethernet addresses are made by the daemon.
  const made = virtualRoutersOf(draft).map(({ value }) => vmacDeviceOf(value));
  const known = new Set([...interfaces.map(({ name }) => name), ...made]);
  return mentionsOf(draft).flatMap(({ path, name, meanwhile = 'what needs it waits until it appears' }) =>
    name === undefined || known.has(name)
      ? []
      : [warningAt(path, `interface ${name} does not exist here: ${meanwhile}`)],
  );
}

function mentionsOf(draft: ConfigDraft): readonly Mention[] {
  const sync = draft.ipvs?.sync;
  const tracks = [...virtualRoutersOf(draft), ...syncGroupsOf(draft)].flatMap(({ path, value }) =>
    itemsOf(value.track?.interfaces, [...path, 'track', 'interfaces']),
  );
  const routes = [
    ...virtualRoutersOf(draft).map(({ path, value }) => ({ path: [...path, 'routes'], of: value.routes })),
    { path: ['static', 'routes'], of: draft.static?.routes },
  ];
  const gateways = Object.entries(draft.track?.gateways ?? {});
  return [
    ...virtualRoutersOf(draft).flatMap(({ path, value }) => [
      ...itemsOf(value.heartbeat, [...path, 'heartbeat'])
        // Said of the virtual router's own key already.
        .filter((item) => item.value.interface !== value.interface)
        .map((item) => ({ path: item.path, name: item.value.interface })),
      ...itemsOf(value.addresses, [...path, 'addresses']).map((item) => ({
        path: [...item.path, 'device'],
        name: item.value.device,
      })),
    ]),
    ...tracks.map(({ path, value }) => ({ path, name: value.name, meanwhile: untrackable(value) })),
    ...routes.flatMap(({ path, of }) => itemsOf(of, path).flatMap(devicesOf)),
    ...gateways.map(([name, gateway]) => ({
      path: ['track', 'gateways', name, 'interface'],
      name: gateway?.interface,
    })),
    ...itemsOf(draft.static?.addresses, ['static', 'addresses']).map(({ path, value }) => ({
      path: [...path, 'device'],
      name: value.device,
    })),
    { path: ['ipvs', 'sync', 'interface'], name: sync?.interface },
  ];
}

/** The links that a route goes out by. */
const devicesOf = ({
  path,
  value,
}: {
  readonly path: Path;
  readonly value: Draft<RouteShape>;
}): readonly Mention[] => [
  { path: [...path, 'device'], name: value.device },
  ...itemsOf(value.next_hops, [...path, 'next_hops']).map((hop) => ({
    path: [...hop.path, 'device'],
    name: hop.value.device,
  })),
];

/** A link that is not there is down. */
function untrackable({
  weight,
  inverse = false,
}: {
  weight?: number | undefined;
  inverse?: boolean | undefined;
}) {
  const effect = weight !== undefined ? `weight ${weight}` : inverse ? 'inverse: no fault' : 'FAULT';
  return `until it appears it counts as down (${effect})`;
}
