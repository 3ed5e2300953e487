/**
 * How the heartbeat paths of one instance stand. A backup hears the active router on all of them; a path that is silent
 * while another is not protects nobody any more, and nothing else shows it.
 */
import type { PathState, PathStatus } from '../../model/router-status.ts';
import { elapsed, type Instant, type Milliseconds } from '../../model/units.ts';
import type { InstancePath } from './paths.ts';

/** What else decides at this moment. */
export interface PathFacts {
  readonly now: Instant;
  /** Milliseconds since 1970, at `now`. */
  readonly date: number;
  /** Whether this director is the one that speaks, so that it need not hear anybody. */
  readonly speaks: boolean;
  /** How long a path may be quiet before it is silent. */
  readonly patience: Milliseconds;
  /** Why nothing can be sent on a path; undefined: it can. */
  obstacleOf(path: InstancePath): string | undefined;
}

type Standing = Pick<PathStatus, 'state' | 'reason'>;

export class PathWatch {
  /** When the last message came by each. */
  readonly #heard = new Map<string, Instant>();
  readonly #states = new Map<string, { readonly state: PathState; readonly since: Instant }>();
  /** Since when it has been listened to. */
  readonly #begun = new Map<string, Instant>();

  /** Only these are there from now on. */
  configure(paths: readonly InstancePath[], now: Instant): void {
    const ids = new Set(paths.map(idOf));
    for (const known of [this.#heard, this.#states, this.#begun])
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    for (const id of ids) if (!this.#begun.has(id)) this.#begun.set(id, now);
  }

  /** A message of another director came by it and was accepted. */
  heard(path: InstancePath, now: Instant): void {
    this.#heard.set(idOf(path), now);
  }

  status(paths: readonly InstancePath[], facts: PathFacts): readonly PathStatus[] {
    // An active router hears others only where they answer it; where one path is answered, all should be.
    const expects = !facts.speaks || paths.some((path) => this.#isHeard(path, facts));
    return paths.map((path) => {
      const { state, reason } = this.#standing(path, expects, facts);
      const { now, date } = facts;
      const { interface: name, transport } = path;
      return {
        interface: name,
        transport,
        state,
        since: date - elapsed(this.#since(path, state, now), now),
        reason,
      };
    });
  }

  #standing(path: InstancePath, expects: boolean, facts: PathFacts): Standing {
    const reason = facts.obstacleOf(path);
    if (reason !== undefined) return { state: 'down', reason };
    if (this.#isHeard(path, facts)) return { state: 'heard', reason: undefined };
    return { state: expects ? 'silent' : 'sending', reason: undefined };
  }

  #isHeard(path: InstancePath, { now, patience }: PathFacts): boolean {
    const at = this.#heard.get(idOf(path));
    return at !== undefined && elapsed(at, now) <= patience;
  }

  /** Silence began with the last message; of all else it is known when it was looked at first. */
  #since(path: InstancePath, state: PathState, now: Instant): Instant {
    const id = idOf(path);
    const before = this.#states.get(id);
    const since =
      before?.state === state
        ? before.since
        : state === 'silent'
          ? (this.#heard.get(id) ?? this.#begun.get(id) ?? now)
          : now;
    this.#states.set(id, { state, since });
    return since;
  }
}

const idOf = (path: InstancePath): string => `${path.interface} ${path.transport}`;
