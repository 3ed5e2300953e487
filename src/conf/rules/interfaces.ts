/** Network interfaces that the configuration names beside a virtual router's own. */
import type { Environment } from '../environment.ts';
import { type Finding, type Path, warningAt } from '../finding.ts';
import { type ConfigDraft, itemsOf, syncGroupsOf, virtualRoutersOf } from './draft.ts';
import { vmacDeviceOf } from './vmac.ts';

interface Mention {
  readonly path: Path;
  readonly name: string | undefined;
}

export function interfaceFindings(draft: ConfigDraft, { interfaces }: Environment): readonly Finding[] {
  // Devices of virtual Ethernet addresses are made by the daemon.
  const made = virtualRoutersOf(draft).map(({ value }) => vmacDeviceOf(value));
  const known = new Set([...interfaces.map(({ name }) => name), ...made]);
  return mentionsOf(draft).flatMap(({ path, name }) =>
    name === undefined || known.has(name)
      ? []
      : [warningAt(path, `interface ${name} does not exist here: what needs it waits until it appears`)],
  );
}

function mentionsOf(draft: ConfigDraft): readonly Mention[] {
  const sync = draft.ipvs?.sync;
  const tracks = [...virtualRoutersOf(draft), ...syncGroupsOf(draft)].flatMap(({ path, value }) =>
    itemsOf(value.track?.interfaces, [...path, 'track', 'interfaces']),
  );
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
    ...tracks.map(({ path, value }) => ({ path, name: value.name })),
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
