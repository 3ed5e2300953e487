/** The configuration as the rules see it: what could be read of it, each thing with its path. */
import { type Family, familyOf } from '../../model/address.ts';
import type { Path } from '../finding.ts';
import type { Draft } from '../salvage.ts';
import type {
  ConfigShape,
  NotifyShape,
  RealServerShape,
  ServiceShape,
  SorryServerShape,
  SyncGroupShape,
  TrackShape,
  VirtualRouterShape,
} from '../schema/index.ts';

export type ConfigDraft = Draft<ConfigShape>;
export type VirtualRouterDraft = Draft<VirtualRouterShape>;
export type ServiceDraft = Draft<ServiceShape>;
export type RealServerDraft = Draft<RealServerShape>;
export type SorryServerDraft = Draft<SorryServerShape>;

export type SyncGroupDraft = Draft<SyncGroupShape>;
export type TrackDraft = Draft<TrackShape>;
export type NotifyDraft = Draft<NotifyShape>;

export interface Named<T> {
  readonly name: string;
  readonly path: Path;
  readonly value: T;
}

export const virtualRoutersOf = (draft: ConfigDraft): readonly Named<VirtualRouterDraft>[] =>
  named('virtual_routers', draft.virtual_routers);

export const syncGroupsOf = (draft: ConfigDraft): readonly Named<SyncGroupDraft>[] =>
  named('sync_groups', draft.sync_groups);

export const servicesOf = (draft: ConfigDraft): readonly Named<ServiceDraft>[] =>
  named('services', draft.services);

/** Items of a list that could be read, each with its path. */
export const itemsOf = <T>(list: readonly (T | undefined)[] | undefined, path: Path) =>
  (list ?? []).flatMap((value, index): { path: Path; index: number; value: T }[] =>
    value === undefined ? [] : [{ path: [...path, index], index, value }],
  );

/** The families for which the protocol runs: those of the addresses that are advertised. */
export function familiesOf({ addresses }: VirtualRouterDraft): readonly Family[] {
  const advertised = (addresses ?? []).flatMap((vip) => (vip === undefined || vip.excluded ? [] : [vip]));
  return [...new Set(advertised.map(({ address }) => familyOf(address)))];
}

/** Whether every address could be read, so that one may say what is missing among them. */
export const knowsAddresses = ({ addresses }: VirtualRouterDraft): boolean =>
  addresses !== undefined && !addresses.includes(undefined);

function named<T>(section: string, entries: Readonly<Record<string, T | undefined>> | undefined) {
  return Object.entries(entries ?? {}).flatMap(([name, value]): Named<T>[] =>
    value === undefined ? [] : [{ name, path: [section, name], value }],
  );
}

/** Calls `clash` for every item whose key another item had before it; without a key there is nothing to compare. */
export function duplicates<T, R>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
  clash: (item: T, first: T) => R,
): readonly R[] {
  const seen = new Map<string, T>();
  return items.flatMap((item) => {
    const key = keyOf(item);
    if (key === undefined) return [];
    const first = seen.get(key);
    if (first !== undefined) return [clash(item, first)];
    seen.set(key, item);
    return [];
  });
}
