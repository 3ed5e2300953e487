/**
 * Which other directors hear a unit's adverts, as they answer them. One that has heard us waits `holdHorizon` before it
 * acts: where all of them do, that is leave to stay active without the arbiter.
 */
import type { IpAddress } from '../../model/address.ts';
import { after, type Instant, instant } from '../../model/units.ts';
import type { InstanceKey } from './event.ts';
import { before, holdHorizon, LATE } from './horizon.ts';
import type { Member } from './member.ts';

/** As many as a network has room for. */
const MOST_DIRECTORS = 255;

/** Of one unit. */
export class Hearers {
  /** Since when each backup hears us for sure, by member and path and its address there. */
  readonly #presences = new Map<string, Map<IpAddress, Instant>>();
  /** When each member sent its last advert, and the one before. */
  readonly #adverts = new Map<
    InstanceKey,
    { readonly last: Instant; readonly former: Instant | undefined }
  >();

  /** What was heard of an earlier time as active counts no more. */
  clear(): void {
    this.#presences.clear();
    this.#adverts.clear();
  }

  /** A member sends an advert. */
  onSent(key: InstanceKey, now: Instant): void {
    this.#adverts.set(key, { last: now, former: this.#adverts.get(key)?.last });
  }

  /** The backup at this address answered an advert of this member's, which came to it by this path. */
  onAnswer(key: InstanceKey, path: number, source: IpAddress): void {
    const place = `${key} ${path}`;
    const of = this.#presences.get(place) ?? new Map<IpAddress, Instant>();
    this.#presences.set(place, of);
    // Forged ones must not fill the memory.
    if (of.size >= MOST_DIRECTORS) of.clear();
    const confirmed = this.#confirms(key);
    if (confirmed !== undefined) of.set(source, confirmed);
  }

  /** Until when none of so many peers acts, having heard us all on one path; 0 where one of them never answered. */
  confirmedUntil({ key, router, parameters }: Member, peers: number): Instant {
    const times = router.heartbeat.map((_, path) => {
      const heard = [...(this.#presences.get(`${key} ${path}`)?.values() ?? [])].sort((a, b) => b - a);
      return heard[peers - 1] ?? Number.NEGATIVE_INFINITY;
    });
    const confirmedAt = Math.max(...times);
    if (confirmedAt === Number.NEGATIVE_INFINITY) return instant(0);
    return after(instant(confirmedAt), holdHorizon(parameters));
  }

  /**
   * When the advert was sent that an answer of this moment is to. It may have lain in our own queue while we stood
   * still, so it counts for the one before the last.
   */
  #confirms(key: InstanceKey): Instant | undefined {
    const sent = this.#adverts.get(key);
    return sent?.former && instant(Math.min(sent.former, before(sent.last, LATE)));
  }
}
