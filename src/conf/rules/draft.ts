/** The configuration as the rules see it: what could be read of it, each thing with its path. */
import type { Path } from '../finding.ts';
import type { Draft } from '../salvage.ts';
import type { ConfigShape, ServiceShape, VirtualRouterShape } from '../schema/index.ts';

export type ConfigDraft = Draft<ConfigShape>;
export type VirtualRouterDraft = Draft<VirtualRouterShape>;
export type ServiceDraft = Draft<ServiceShape>;
export type RealServerDraft = Draft<ServiceShape['real_servers'][number]>;

export interface Named<T> {
  readonly name: string;
  readonly path: Path;
  readonly value: T;
}

export const virtualRoutersOf = (draft: ConfigDraft): readonly Named<VirtualRouterDraft>[] =>
  named('virtual_routers', draft.virtual_routers);

export const servicesOf = (draft: ConfigDraft): readonly Named<ServiceDraft>[] =>
  named('services', draft.services);

/** The real servers that could be read, each with its place in the list. */
export function realServersOf({ path, value }: Named<ServiceDraft>) {
  return (value.real_servers ?? []).flatMap((server, index) =>
    server === undefined ? [] : [{ path: [...path, 'real_servers', index], index, value: server }],
  );
}

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
