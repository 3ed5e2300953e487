/** The interfaces that virtual routers and sync groups track: up while the link is there, up and has a carrier. */
import type { VrrpNetwork } from '../../model/messages.ts';
import type { TrackVerdict } from '../../model/tracking.ts';
import { type LinkCondition, linkObstacle } from './interface-view.ts';

export class TrackedLinks {
  readonly #linkNamed: (name: string) => LinkCondition | undefined;
  #verdicts = new Map<string, TrackVerdict>();

  constructor(linkNamed: (name: string) => LinkCondition | undefined) {
    this.#linkNamed = linkNamed;
  }

  /** All verdicts, for those who know none yet. */
  configure({ routers, groups }: Pick<VrrpNetwork, 'routers' | 'groups'>): readonly TrackVerdict[] {
    const uses = [...routers, ...groups].flatMap(({ track }) => track);
    const names = new Set(uses.filter(({ kind }) => kind === 'interface').map(({ name }) => name));
    this.#verdicts = new Map([...names].map((name) => [name, this.#judge(name)]));
    return [...this.#verdicts.values()];
  }

  /** Looks at them anew, and returns what has changed. To be called when links did. */
  changed(): readonly TrackVerdict[] {
    return [...this.#verdicts].flatMap(([name, before]) => {
      const verdict = this.#judge(name);
      if (verdict.reason === before.reason) return [];
      this.#verdicts.set(name, verdict);
      return [verdict];
    });
  }

  #judge(name: string): TrackVerdict {
    const obstacle = linkObstacle(name, this.#linkNamed(name));
    const state = obstacle === undefined ? 'up' : 'down';
    return {
      kind: 'interface',
      name,
      value: 1,
      state,
      reason: obstacle ?? `interface ${name} has a carrier`,
    };
  }
}
