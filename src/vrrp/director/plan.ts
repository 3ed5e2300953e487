/** Pure: which virtual routers live and fail together, from the configuration. */
import type { VrrpNetwork } from '../../model/messages.ts';
import type { TrackUse } from '../../model/tracking.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import type { InstanceKey } from './event.ts';
import { instancesOf } from './member.ts';

/** What a unit is made of, by the configuration. */
export interface UnitPlan {
  /** `router/vip1` or `group/g1`: the arbiter's key. */
  readonly name: string;
  /** The sync group's own name. */
  readonly group: string | undefined;
  readonly base: number;
  readonly uses: readonly TrackUse[];
  readonly arbiter: VrrpNetwork['arbiter'];
  readonly fencing: VrrpNetwork['fencing'];
}

/** A unit as the configuration wants it, and who belongs to it. */
export interface PlannedUnit {
  readonly plan: UnitPlan;
  /** Names of virtual routers. */
  readonly routers: readonly string[];
  /** In an order that is the same on every director, so that the same member decides a tie. */
  readonly keys: readonly InstanceKey[];
}

/** A unit for each sync group, and one for each virtual router that is in none. */
export function planUnits({
  routers,
  groups,
  arbiter,
  fencing,
}: Pick<VrrpNetwork, 'routers' | 'groups' | 'arbiter' | 'fencing'>): readonly PlannedUnit[] {
  const unitOf = (
    name: string,
    group: string | undefined,
    members: readonly VirtualRouter[],
    uses: readonly TrackUse[],
  ) => {
    const own = members.flatMap(({ track }) => track);
    const base = Math.min(...members.map(({ priority }) => priority));
    const ordered = members.toSorted((a, b) => a.vrid - b.vrid || (a.name < b.name ? -1 : 1));
    return {
      plan: { name, group, base, uses: [...uses, ...own], arbiter, fencing },
      routers: members.map((router) => router.name),
      keys: ordered.flatMap((router) => instancesOf(router).map(({ key }) => key)),
    };
  };
  const grouped = new Set(groups.flatMap(({ members }) => members));
  const together = groups.flatMap((group) => {
    const members = routers.filter(({ name }) => group.members.includes(name));
    return members.length === 0 ? [] : [unitOf(`group/${group.name}`, group.name, members, group.track)];
  });
  const alone = routers
    .filter(({ name }) => !grouped.has(name))
    .map((router) => unitOf(`router/${router.name}`, undefined, [router], []));
  return [...together, ...alone];
}
