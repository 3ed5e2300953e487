/**
 * How virtual routers and sync groups stand, as the manager is told: a virtual router with both families is one, and
 * a group is what its members are.
 */
import { formatPrefix } from '../../model/address.ts';
import type {
  GroupStatus,
  PathStatus,
  RouterCounters,
  RouterState,
  RouterStatus,
} from '../../model/router-status.ts';
import { trackKey } from '../../model/tracking.ts';
import type { Instant } from '../../model/units.ts';
import type { Director } from '../director/director.ts';
import { explain } from '../director/explain.ts';
import type { Member } from '../director/member.ts';
import type { Unit } from '../director/unit.ts';
import { describeState } from '../machine.ts';
import type { Envoy } from './envoy.ts';

export interface ReporterContext {
  readonly director: Director;
  readonly envoyOf: (key: string) => Envoy | undefined;
  readonly pathsOf: (member: Member) => readonly PathStatus[];
  /** Messages on the interface that named no virtual router at all, which may have been meant for us. */
  readonly straysOf: (interfaceName: string) => Readonly<Record<string, number>>;
  /** Milliseconds since 1970, for people. */
  readonly date: () => number;
  onRouter(status: RouterStatus): void;
  onGroup(status: GroupStatus): void;
}

interface Told {
  readonly text: string;
  readonly state: RouterState;
  /** When it came to that state. */
  readonly since: number;
}

type Rival = NonNullable<RouterStatus['rival']>;

export class Reporter {
  readonly #context: ReporterContext;
  readonly #routers = new Map<string, Told>();
  readonly #groups = new Map<string, Told>();
  readonly #rivals = new Map<string, Rival>();
  readonly #touched = new Set<string>();

  constructor(context: ReporterContext) {
    this.#context = context;
  }

  /** This virtual router may stand differently; told by `flush`. */
  touch(name: string): void {
    this.#touched.add(name);
  }

  rival(name: string, address: Rival['address'], outcome: Rival['outcome']): void {
    this.#rivals.set(name, { address, at: this.#context.date(), outcome });
  }

  /** Whether `flush` has anything to tell. */
  get pending(): boolean {
    return this.#touched.size > 0;
  }

  /**
   * Tells what has changed: once for each, however many steps it took; of up to `most` virtual routers, those that have
   * waited longest.
   */
  flush(now: Instant, most: number): void {
    if (this.#touched.size === 0) return;
    const names = [...this.#touched].slice(0, most);
    for (const name of names) this.#touched.delete(name);
    const byName = this.#membersByName();
    for (const name of names) {
      const members = staying(byName.get(name) ?? []);
      if (members.length === 0) {
        this.#routers.delete(name);
        continue;
      }
      this.#tellRouter(members, now);
      const unit = this.#unitOf(members);
      if (unit?.plan.group !== undefined) this.#tellGroup(unit);
    }
  }

  /** All of them, in the order of the configuration. */
  routers(now: Instant): readonly RouterStatus[] {
    return [...this.#membersByName().values()]
      .filter((members) => members.some(({ leaving, ended }) => !leaving || !ended))
      .map((members) => this.#describe(staying(members), now));
  }

  groups(): readonly GroupStatus[] {
    return [...this.#context.director.units()].flatMap((unit) => this.#group(unit) ?? []);
  }

  /** The last words of a virtual router that ended. */
  #tellRouter(members: readonly Member[], now: Instant): void {
    const status = this.#describe(members, now);
    const { name, state, started, waiting, releasing, reason } = status;
    const text = `${state} ${started} ${waiting} ${releasing} ${reason}`;
    if (this.#routers.get(name)?.text === text) return;
    this.#context.onRouter({ ...status, since: this.#since(this.#routers, name, state, text) });
  }

  #tellGroup(unit: Unit): void {
    const status = this.#group(unit);
    if (status === undefined) return;
    const text = `${status.state} ${status.started} ${status.waiting}`;
    if (this.#groups.get(status.name)?.text === text) return;
    this.#context.onGroup({ ...status, since: this.#since(this.#groups, status.name, status.state, text) });
  }

  #since(told: Map<string, Told>, name: string, state: RouterState, text: string): number {
    const before = told.get(name);
    const since = before?.state === state ? before.since : this.#context.date();
    told.set(name, { text, state, since });
    return since;
  }

  #describe(members: readonly Member[], now: Instant): RouterStatus {
    const speaker = decisive(members);
    const { router, state, parameters } = speaker;
    const unit = this.#unitOf(members);
    const described = describeState(state, parameters);
    return {
      name: router.name,
      version: router.version,
      interface: router.interface,
      vrid: router.vrid,
      basePriority: router.priority,
      priority: parameters.priority,
      group: unit?.plan.group,
      ...described,
      releasing: members.some((member) => member.state.name === 'releasing'),
      reason: members.length > 1 ? `${speaker.label}: ${described.reason}` : described.reason,
      explanation: unit ? explain(speaker, unit, now) : described.reason,
      standby: unit?.standby ?? false,
      since: this.#routers.get(router.name)?.since ?? this.#context.date(),
      addresses: router.addresses.map(formatPrefix),
      paths: this.#paths(members),
      tracked: this.#tracked(unit),
      rival: this.#rivals.get(router.name),
      counters: this.#counters(members),
    };
  }

  #paths(members: readonly Member[]): RouterStatus['paths'] {
    const { pathsOf } = this.#context;
    return members.flatMap((member) =>
      pathsOf(member).map((path) => ({ ...path, family: member.parameters.family })),
    );
  }

  #tracked(unit: Unit | undefined): RouterStatus['tracked'] {
    return (unit?.plan.uses ?? []).map(({ kind, name, weight }) => {
      const verdict = this.#context.director.verdictOf(trackKey({ kind, name }));
      const unknown = { kind, name, state: 'unknown', value: 1, reason: 'not looked at yet' } as const;
      return { ...(verdict ?? unknown), weight };
    });
  }

  #counters(members: readonly Member[]): RouterCounters {
    const envoys = members.flatMap(({ key }) => this.#context.envoyOf(key) ?? []);
    const sum = (of: (envoy: Envoy) => number): number =>
      envoys.reduce((total, envoy) => total + of(envoy), 0);
    const most = (of: (member: Member) => number): number => Math.max(...members.map(of));
    const rejected: Record<string, number> = {
      ...this.#context.straysOf(members[0]?.router.interface ?? ''),
    };
    for (const envoy of envoys) {
      for (const [reason, count] of Object.entries(envoy.rejected))
        rejected[reason] = (rejected[reason] ?? 0) + count;
    }
    return {
      advertsSent: sum(({ advertsSent }) => advertsSent),
      advertsReceived: sum(({ advertsReceived }) => advertsReceived),
      sendErrors: sum(({ sendErrors }) => sendErrors),
      becameActive: most(({ becameActive }) => becameActive),
      rejected,
      addressesRestored: members.reduce((total, member) => total + member.addressesRestored, 0),
      rivals: most(({ rivals }) => rivals),
      conflicts: members.reduce((total, { conflicts }) => total + conflicts, 0),
    };
  }

  #group(unit: Unit): GroupStatus | undefined {
    const { group } = unit.plan;
    if (group === undefined || unit.members.length === 0) return undefined;
    const speaker = decisive(unit.members);
    const { state, started, waiting, reason } = describeState(speaker.state, speaker.parameters);
    return {
      name: group,
      members: [...new Set(unit.members.map(({ router }) => router.name))],
      state,
      started,
      waiting,
      priority: unit.priority,
      since: this.#groups.get(group)?.since ?? this.#context.date(),
      reason: `${speaker.label}: ${reason}`,
    };
  }

  #membersByName(): ReadonlyMap<string, readonly Member[]> {
    return Map.groupBy(this.#context.director.members(), ({ router }) => router.name);
  }

  #unitOf(members: readonly Member[]): Unit | undefined {
    return members[0] && this.#context.director.unitOf(members[0].key);
  }
}

/** While one leaves, its successor of the same name (with another VRID, say) is the one that people mean. */
function staying(members: readonly Member[]): readonly Member[] {
  const stay = members.filter(({ leaving }) => !leaving);
  return stay.length > 0 ? stay : members;
}

/** Of members that are active only together, the one that says how all of them stand: the one that is least far. */
function decisive(members: readonly Member[]): Member {
  const rank = ({ state }: Member): number => RANK.indexOf(state.name);
  const [first, ...others] = members;
  if (first === undefined) throw new Error('a virtual router without instances');
  return others.reduce((least, member) => (rank(member) < rank(least) ? member : least), first);
}

const RANK = [
  'initialize',
  'backup',
  'releasing',
  'active',
] as const satisfies readonly Member['state']['name'][];
