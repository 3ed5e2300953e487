/** Virtual servers among each other, and the addresses at which clients find them. */
import { isNotUnicast } from '../../model/address.ts';
import { virtualServerKey } from '../../model/virtual-server.ts';
import type { Environment } from '../environment.ts';
import { errorAt, errorAtKey, type Finding, warningAt } from '../finding.ts';
import {
  type ConfigDraft,
  duplicates,
  type Named,
  type ServiceDraft,
  servicesOf,
  virtualRoutersOf,
} from './draft.ts';

export function virtualServerFindings(draft: ConfigDraft, environment: Environment): readonly Finding[] {
  const services = servicesOf(draft);
  const held = heldAddresses(draft, environment);
  return [
    ...duplicates(services, keyOf, (service, first) =>
      errorAtKey(
        service.path,
        `${keyOf(service)} is service "${first.name}" already: change the address, port or protocol of one`,
      ),
    ),
    ...services.flatMap(notUnicast),
    ...services.flatMap((service) => heldByNobody(service, held)),
  ];
}

function keyOf({ value: { protocol, address, port } }: Named<ServiceDraft>): string | undefined {
  if (protocol === undefined || address === undefined || port === undefined) return undefined;
  return virtualServerKey({ protocol, address, port });
}

function notUnicast({ path, value: { address } }: Named<ServiceDraft>): readonly Finding[] {
  if (address === undefined || !isNotUnicast(address)) return [];
  return [errorAt([...path, 'address'], `${address} is no address of a host: give a unicast address`)];
}

/** undefined when an address or a virtual router could not be read: it might have been the one. */
function heldAddresses(draft: ConfigDraft, { interfaces }: Environment): ReadonlySet<string> | undefined {
  const { virtual_routers: routers } = draft;
  if (routers === undefined || Object.values(routers).includes(undefined)) return undefined;
  const lists = virtualRoutersOf(draft).map(({ value }) => value.addresses);
  const virtual = lists.flatMap((list) => list ?? [undefined]);
  if (virtual.includes(undefined)) return undefined;
  const own = interfaces.flatMap(({ addresses }) => addresses);
  return new Set([...virtual, ...own].flatMap((prefix) => prefix?.address ?? []));
}

function heldByNobody({ path, value }: Named<ServiceDraft>, held: ReadonlySet<string> | undefined) {
  const { address } = value;
  if (held === undefined || address === undefined || held.has(address) || isNotUnicast(address)) return [];
  const message = `no virtual router and no interface here holds ${address}: add it to the addresses of a virtual router, or no client reaches this service`;
  return [warningAt([...path, 'address'], message)];
}
