/** Waits with an operator for the end of a drain, which the daemon sees to. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlClient } from '../control/client.ts';
import type { OverrideDocument, OverrideStatus } from '../model/status.ts';

/** In milliseconds. */
const LOOK_INTERVAL = 500;
const LATE = 30_000;
/** Looks in a row at which the daemon could not reach the table before nobody waits any more. */
const MOST_UNREACHED = 10;

/** How the wait ended. */
export type End =
  | { readonly kind: 'over'; readonly status: OverrideStatus }
  | { readonly kind: 'left-the-file' | 'ended-by-another' }
  | { readonly kind: 'unreachable'; readonly why: string };

/**
 * Resolves when it is over, or nobody can tell any more. Rejects where it should be over for long, and as the client
 * does. The clock may be set meanwhile, by which the daemon shifts the times of a drain. `pause`: as setTimeout unless
 * given.
 */
export async function drained(
  client: Pick<ControlClient, 'overrides'>,
  { service, server, override, tableUnavailable }: OverrideDocument,
  pause: (duration: number) => Promise<unknown> = delay,
): Promise<End> {
  // Without IPVS, for one, nobody can tell how many connections are left.
  if (tableUnavailable !== undefined) return { kind: 'unreachable', why: tableUnavailable };
  let unreached = 0;
  let last = override;
  for (let looks = 0; ; looks++) {
    const { overrides, tableUnavailable: why } = await client.overrides();
    // A reload may give the service or the real server another name.
    const now =
      overrides.find((each) => each.service === service && each.server === server) ??
      overrides.find((each) => each.since === last?.since && each.by === last.by);
    if (last === undefined || now === undefined || !isSame(last, now)) return { kind: 'ended-by-another' };
    last = now;
    if (now.drainedAt !== undefined) return { kind: 'over', status: now };
    if (now.dangling) return { kind: 'left-the-file' };
    unreached = why === undefined ? 0 : unreached + 1;
    if (why !== undefined && unreached >= MOST_UNREACHED) return { kind: 'unreachable', why };
    if (looks * LOOK_INTERVAL > lengthOf(now) + LATE)
      throw new Error('the time is over, but the daemon cannot look at the table: see vipward status');
    await pause(LOOK_INTERVAL);
  }
}

type Drain = Pick<OverrideStatus, 'action' | 'by' | 'reason' | 'since' | 'until'>;

/** Also where its times were shifted. Another one of the same length by the same operator is as good. */
const isSame = (one: Drain, other: Drain): boolean =>
  other.action === 'drain' &&
  other.by === one.by &&
  other.reason === one.reason &&
  lengthOf(other) === lengthOf(one);

/** In milliseconds. */
const lengthOf = ({ since, until = Number.POSITIVE_INFINITY }: Drain): number => until - since;
