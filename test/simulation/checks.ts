/** What must hold of a simulation that was played to its end. */
import type { InstanceKey } from '../../src/vrrp/director/event.ts';
import type { Member } from '../../src/vrrp/director/member.ts';
import type { Bounds } from './bounds.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

export function verdicts(world: World, bounds: Bounds): readonly string[] {
  return [
    ...world.problems,
    ...neverTwo(world),
    ...heldWithoutEtcd(world, bounds),
    ...noLongerThanTheLease(world, bounds),
    ...oneOwner(world, bounds),
    ...noneMissing(world, bounds),
    ...quiet(world, bounds),
    ...best(world),
    ...nobodyLeft(world),
    ...answered(world),
  ];
}

const ms = (at: number): string => `${at.toFixed(1)} ms`;

/** With an arbiter there are never two owners, not for a moment. */
function neverTwo({ setting, ownership }: World): readonly string[] {
  if (setting.arbiter === undefined) return [];
  return ownership.stretches
    .filter(({ owners }) => owners.length > 1)
    .map(
      ({ key, from, to, owners }) =>
        `arbiter: ${key} had the owners ${owners.join('')} from ${ms(from)} to ${ms(to)}`,
    );
}

/** The loss of the arbiter alone takes nothing down. */
function heldWithoutEtcd({ setting, ownership }: World, { meeting }: Bounds): readonly string[] {
  const { etcdFailsAt } = setting;
  if (etcdFailsAt === undefined) return [];
  return (
    ownership.stretches
      .filter(({ owners, from }) => owners.length === 0 && from > etcdFailsAt)
      // One that has just become active must first be answered.
      .filter(
        ({ key }) =>
          !ownership.stretches.some(
            (other) =>
              other.key === key &&
              other.owners.length === 0 &&
              other.from <= etcdFailsAt &&
              other.to > etcdFailsAt - 3 * meeting,
          ),
      )
      .map(
        ({ key, from, to }) =>
          `${key}: no owner from ${ms(from)} to ${ms(to)}, though only etcd failed at ${ms(etcdFailsAt)}`,
      )
  );
}

/** Where the network carries everything two owners come of processes that stand still only, and end with the lease. */
function noLongerThanTheLease(
  { ownership, troubles }: World,
  { down, lease, meeting }: Bounds,
): readonly string[] {
  return ownership.stretches
    .filter(({ owners, from, to }) => {
      if (owners.length < 2 || to - from <= lease + meeting) return false;
      return !troubles.some((trouble) => trouble.from < to && trouble.to > from - down - meeting);
    })
    .map(
      ({ key, from, to, owners }) =>
        `${key} had the owners ${owners.join('')} from ${ms(from)} to ${ms(to)}, longer than the lease`,
    );
}

/** Once the last fault has passed: one owner in each part of the network. */
function oneOwner({ ownership, setting }: World, { oneAt, meeting }: Bounds): readonly string[] {
  return ownership.stretches
    .filter(({ owners, to, from }) => owners.length > 1 && to > oneAt && to - Math.max(from, oneAt) > meeting)
    .map(
      ({ key, from, to, owners }) =>
        `${key} has the owners ${owners.join('')} from ${ms(from)} to ${ms(to)}, calm since ${ms(setting.calmAt)}`,
    );
}

function noneMissing(world: World, { oneAt, quietAt, end, down }: Bounds): readonly string[] {
  const { ownership, setting } = world;
  const problems: string[] = [];
  const guarded = setting.arbiter !== undefined || setting.fencing !== undefined;
  for (const part of world.parts) {
    for (const key of world.keys) {
      if (!couldOwn(world, part, key)) continue;
      const names = part.map(({ name }) => name).join('');
      const owners = part.filter((machine) => machine.owns(key));
      if (owners.length === 0) problems.push(`${key}: nobody of ${names} is owner at the end`);
      // One that hands over under an arbiter lets go first.
      const from = guarded || part.length < setting.directors.length ? quietAt : oneAt;
      const gaps = ownership.stretches.filter(
        (stretch) => stretch.key === key && stretch.owners.length === 0,
      );
      for (const gap of world.parts.length > 1 ? [] : gaps) {
        if (gap.to > from && gap.to < end - 1)
          problems.push(
            `${key}: no owner from ${ms(gap.from)} to ${ms(gap.to)}, calm since ${ms(setting.calmAt)}, down ${down}`,
          );
      }
    }
  }
  return problems;
}

/** Whether one of these must be owner at the end: it runs, nothing is in its way, and it has its arbiter's ear. */
function couldOwn(world: World, part: readonly Machine[], key: InstanceKey): boolean {
  const { arbiter, fencing } = world.setting;
  const able = part.filter((machine) => isAble(machine, key));
  if (able.length === 0) return false;
  // One that stands still may have the lease, or be waited for by a fence that needs it.
  if (fencing !== undefined && arbiter !== undefined && world.parts.length > 1) return false;
  if (arbiter === undefined) return fencing === undefined || world.parts.length === 1;
  if (world.parts.length > 1) return false;
  return able.every(({ etcdReachable }) => etcdReachable) && world.etcd.up;
}

export function isAble(machine: Machine, key: InstanceKey): boolean {
  const member: Member | undefined = machine.runs ? machine.process?.director.member(key) : undefined;
  const unit = machine.process?.director.unitOf(key);
  if (member === undefined || unit === undefined) return false;
  return !unit.standby && unit.members.every(({ state, leaving }) => !leaving && state.name !== 'initialize');
}

/** In the end the one of the highest priority is owner, where everybody hears everybody and nobody is patient. */
function best(world: World): readonly string[] {
  const { arbiter } = world.setting;
  const deaf =
    arbiter !== undefined && !(world.etcd.up && world.machines.every((machine) => machine.etcdReachable));
  if (deaf || world.parts.length > 1 || !world.wire.isWhole) return [];
  return world.keys.flatMap((key) => {
    const able = world.machines.filter((machine) => isAble(machine, key));
    const prioritiesOf = (machines: readonly Machine[]) =>
      machines.map((machine) => machine.process?.director.member(key)?.parameters.priority ?? 0);
    const settled = able.every(
      (machine) => machine.process?.director.member(key)?.parameters.preempt === true,
    );
    const owners = able.filter((machine) => machine.owns(key));
    if (!settled || owners.length === 0) return [];
    const highest = Math.max(...prioritiesOf(able));
    if (prioritiesOf(owners).includes(highest)) return [];
    return [`${key}: ${owners[0]?.name} is owner in the end, though another has priority ${highest}`];
  });
}

/** Of two owners that meet one goes on. */
function nobodyLeft({ ownership, setting, machines }: World): readonly string[] {
  if (setting.arbiter !== undefined || machines.some(({ paused }) => paused !== undefined)) return [];
  const { stretches } = ownership;
  return stretches.flatMap((met) => {
    if (met.from < setting.calmAt || met.owners.length < 2) return [];
    const gap = stretches.find(
      ({ key, from, owners }) => key === met.key && from === met.to && owners.length === 0,
    );
    return gap === undefined
      ? []
      : [
          `${met.key}: of ${met.owners.join('')}, who met at ${ms(met.from)}, nobody is left at ${ms(gap.from)}`,
        ];
  });
}

/** In the end nothing changes any more. */
function quiet({ changes }: World, { quietAt }: Bounds): readonly string[] {
  const late = changes.filter(({ at }) => at > quietAt);
  return late
    .slice(0, 3)
    .map(({ at, machine, key, from, to }) => `not quiet: ${machine} ${key} ${from} > ${to} at ${ms(at)}`);
}

function answered({ unanswered }: World): readonly string[] {
  return [...unanswered.keys()].map((id) => `hand-over ${id} was never answered`);
}
