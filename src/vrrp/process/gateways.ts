/**
 * Whether gateways answer: each is asked by ARP or neighbour solicitation at its interval, and counts as answered when
 * it says so before the next question.
 */
import type { Routes } from '../../kernel/routes.ts';
import { familyOf, type IpAddress } from '../../model/address.ts';
import type { GatewayTracker, TrackVerdict } from '../../model/tracking.ts';
import { elapsed, type Instant } from '../../model/units.ts';
import { monotonicNow } from '../../sys/clock.ts';

/** In ms: so late does any busy machine ask. */
const USUAL_DELAY = 100;

export interface GatewaysContext {
  readonly routes: Pick<Routes, 'list'>;
  ask(interfaceName: string, address: IpAddress): void;
  onVerdict(verdict: TrackVerdict): void;
}

interface Watched {
  readonly tracker: GatewayTracker;
  readonly timer: NodeJS.Timeout;
  asked: IpAddress | undefined;
  askedAt: Instant;
  /** The question before the last one was not judged, since this process stood still. */
  spared: boolean;
  answered: boolean;
  /** Answers in a row (positive), or silences in a row (negative). */
  streak: number;
  verdict: TrackVerdict;
}

export class Gateways {
  readonly #context: GatewaysContext;
  readonly #watched = new Map<string, Watched>();

  constructor(context: GatewaysContext) {
    this.#context = context;
  }

  /** Unchanged ones go on with what they know. */
  configure(trackers: readonly GatewayTracker[]): void {
    const wanted = new Map(trackers.map((tracker) => [tracker.name, tracker]));
    for (const [name, { tracker, timer }] of this.#watched) {
      if (JSON.stringify(wanted.get(name)) === JSON.stringify(tracker)) continue;
      clearInterval(timer);
      this.#watched.delete(name);
    }
    for (const tracker of trackers) if (!this.#watched.has(tracker.name)) this.#watch(tracker);
  }

  /** Somebody on the link has this address. */
  onClaim(interfaceName: string, address: IpAddress): void {
    for (const watched of this.#watched.values()) {
      if (watched.tracker.interface !== interfaceName || watched.asked !== address || watched.answered)
        continue;
      watched.answered = true;
      this.#count(watched, true, `${address} answers`);
    }
  }

  close(): void {
    for (const { timer } of this.#watched.values()) clearInterval(timer);
    this.#watched.clear();
  }

  #watch(tracker: GatewayTracker): void {
    const timer = setInterval(() => this.#ask(watched), tracker.interval);
    const verdict = {
      kind: 'gateway',
      name: tracker.name,
      state: 'unknown',
      value: 1,
      reason: 'asked',
    } as const;
    const fresh = { asked: undefined, askedAt: monotonicNow(), spared: false, answered: false, streak: 0 };
    const watched: Watched = { tracker, timer, ...fresh, verdict };
    this.#watched.set(tracker.name, watched);
    this.#ask(watched);
  }

  #ask(watched: Watched): void {
    const { tracker, asked, answered } = watched;
    const isSpared = this.#stoodStill(watched) && !watched.spared;
    if (asked !== undefined && !answered && !isSpared)
      this.#count(watched, false, `${asked} does not answer`);
    watched.spared = isSpared;
    watched.askedAt = monotonicNow();
    watched.answered = false;
    watched.asked = tracker.address ?? this.#defaultGateway(tracker.interface);
    if (watched.asked === undefined) {
      this.#count(watched, false, `there is no default route through ${tracker.interface}`);
    } else this.#context.ask(tracker.interface, watched.asked);
  }

  /**
   * Since the last question: then the answer may lie unread, or have been lost with the question by a paused machine. The
   * next one counts in any case, so that one that always stands still learns of a gateway that is dead.
   */
  #stoodStill({ tracker: { interval }, askedAt }: Watched): boolean {
    return elapsed(askedAt, monotonicNow()) > interval + Math.max(interval / 2, USUAL_DELAY);
  }

  /** Looked up each time: routes change. IPv4 before IPv6. */
  #defaultGateway(interfaceName: string): IpAddress | undefined {
    try {
      const routes = this.#context.routes.list().filter(({ destination }) => destination === 'default');
      const hops = routes
        .flatMap(({ nextHops }) => nextHops)
        .filter(({ device }) => device === interfaceName);
      const gateways = hops.flatMap(({ via }) => (via === undefined ? [] : [via]));
      return gateways.find((via) => familyOf(via) === 'ipv4') ?? gateways[0];
    } catch {
      // Not to be had now: as if there were none, until the next question.
      return undefined;
    }
  }

  #count(watched: Watched, up: boolean, reason: string): void {
    const { tracker, verdict } = watched;
    watched.streak = up ? Math.max(0, watched.streak) + 1 : Math.min(0, watched.streak) - 1;
    const enough = up ? watched.streak >= tracker.rise : -watched.streak >= tracker.fall;
    // The first answer counts at once; the first silence may be that of a link that has just come up.
    const state = enough || (up && verdict.state === 'unknown') ? (up ? 'up' : 'down') : verdict.state;
    if (state === verdict.state) return;
    watched.verdict = { ...verdict, state, reason };
    this.#context.onVerdict(watched.verdict);
  }
}
