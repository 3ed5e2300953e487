/** Sync groups: their members, and what the members must have in common. */
import { errorAt, type Finding, type Path } from '../finding.ts';
import {
  type ConfigDraft,
  duplicates,
  itemsOf,
  type Named,
  syncGroupsOf,
  type VirtualRouterDraft,
  virtualRoutersOf,
} from './draft.ts';
import { adviceFor } from './names.ts';
import { weightedUsesOf } from './tracking.ts';

interface Member {
  readonly group: string;
  readonly path: Path;
  readonly name: string;
}

export function syncGroupFindings(draft: ConfigDraft): readonly Finding[] {
  const members = syncGroupsOf(draft).flatMap(({ name: group, path, value }): readonly Member[] =>
    itemsOf(value.members, [...path, 'members']).map((item) => ({
      group,
      path: item.path,
      name: item.value,
    })),
  );
  return [
    ...members.flatMap((member) => notDefined(member, draft)),
    ...duplicates(members, ({ name }) => name, inTwo),
    ...[...Map.groupBy(members, ({ group }) => group)].flatMap(([group, list]) =>
      unequal(group, list, draft),
    ),
  ];
}

function notDefined({ path, name }: Member, { virtual_routers: routers }: ConfigDraft): readonly Finding[] {
  if (routers === undefined || Object.hasOwn(routers, name)) return [];
  const advice = adviceFor(name, Object.keys(routers), 'virtual_routers');
  return [errorAt(path, `there is no virtual router "${name}": ${advice}`)];
}

function inTwo({ path, name, group }: Member, first: Member): Finding {
  const where = first.group === group ? 'this sync group' : `sync group "${first.group}"`;
  return errorAt(path, `virtual router "${name}" is in ${where} already: keep one of them`);
}

/** They are active only together: with unequal priorities two directors could each win one of them, and neither both. */
function unequal(group: string, list: readonly Member[], draft: ConfigDraft): readonly Finding[] {
  const names = new Set(list.map(({ name }) => name));
  const [first, ...others] = virtualRoutersOf(draft).filter(({ name }) => names.has(name));
  if (first === undefined) return [];
  return others.flatMap((router) => [
    ...unequalPriority(group, router, first),
    ...unequalWeights(group, router, first),
  ]);
}

type Router = Named<VirtualRouterDraft>;

function unequalPriority(group: string, { path, value }: Router, first: Router): readonly Finding[] {
  const wanted = first.value.priority;
  if (value.priority === undefined || wanted === undefined || value.priority === wanted) return [];
  const message = `priority ${value.priority} is not that of virtual router "${first.name}", ${wanted}: the members of sync group "${group}" are active only together, so give them one priority`;
  return [errorAt([...path, 'priority'], message)];
}

function unequalWeights(group: string, { path, value }: Router, first: Router): readonly Finding[] {
  const [own, wanted] = [value.track, first.value.track].map((track) => weightedUsesOf(track ?? {}).join());
  if (own === wanted) return [];
  const message = `the weights here are not those of virtual router "${first.name}": the members of sync group "${group}" are active only together, so move weights to the track of the group`;
  return [errorAt([...path, 'track'], message)];
}
