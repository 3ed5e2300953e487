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
    ...noLongerThanTheLease(world, bounds),
    ...oneOwner(world, bounds),
    ...noneMissing(world, bounds),
    ...quiet(world, bounds),
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
