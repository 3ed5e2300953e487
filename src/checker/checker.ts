/**
 * Keeps the health of a set of targets:
 *
 *   targets ─▶ schedule ─ due ─▶ slots ─▶ probe ─ result ─▶ rise and fall ─ health ─▶ listener
 *                  ▲                                              │
 *                  └──────────────── next start ──────────────────┘
 */
import type { CheckResult, CheckTarget, Health } from '../model/check.ts';
import { UNKNOWN_HEALTH } from '../model/check.ts';
import type { Instant } from '../model/units.ts';
import { type ProbeTarget, probeGuarded } from './probe.ts';
import { applyResult, isNews } from './rise-fall.ts';
import { firstStart, nextStart } from './schedule.ts';
import { openSlots } from './slots.ts';
import type { Cancel, Time } from './time.ts';

/** Probes at once. Each holds one descriptor and some ten kilobytes; systemd allows 524,288 descriptors. */
const MOST_AT_ONCE = 1000;

export interface CheckerOptions {
  readonly time: Time;
  readonly probe: ProbeTarget;
  /** Told when a target's health changed, its count towards a change, or the words of its last result. */
  readonly onHealth: (target: CheckTarget, health: Health, before: Health) => void;
  readonly mostAtOnce?: number;
}

export interface Checker {
  /**
   * The whole set of targets. Those known by their id go on untouched, vanished ones are aborted, new ones begin with
   * the health in `health`, if any.
   */
  setTargets(targets: readonly CheckTarget[], health: Readonly<Record<string, Health>>): void;
  health(): Readonly<Record<string, Health>>;
  /** Aborts all probes; nothing is reported afterwards. */
  stop(): void;
}

interface Entry {
  readonly target: CheckTarget;
  readonly gone: AbortController;
  health: Health;
  /** Takes back what comes next: the timer, or the place in the queue. */
  cancel: Cancel;
}

export function createChecker(options: CheckerOptions): Checker {
  const { time, probe, onHealth, mostAtOnce = MOST_AT_ONCE } = options;
  const entries = new Map<string, Entry>();
  const slots = openSlots(mostAtOnce);

  function schedule(entry: Entry, due: Instant): void {
    entry.cancel = time.at(due, () => {
      entry.cancel = slots.run(() => probeOnce(entry, due));
    });
  }

  /**
   * Where this process stood still in between, a bad result may be its own: the answer lay unread, a paused machine lost
   * it, or a real server had no patience with us. It is asked once more, and that counts.
   */
  async function judged({ target, gone }: Entry): Promise<CheckResult> {
    const before = time.standstills();
    const result = await probeGuarded(probe, target, gone.signal, time);
    if (result.good || time.standstills() === before) return result;
    return await probeGuarded(probe, target, gone.signal, time);
  }

  async function probeOnce(entry: Entry, due: Instant): Promise<void> {
    const { target, gone } = entry;
    const result = await judged(entry).catch((error: unknown) => {
      // Rejects only when aborted.
      if (gone.signal.aborted) return undefined;
      throw error;
    });
    if (result === undefined || gone.signal.aborted) return;
    const before = entry.health;
    entry.health = applyResult(before, result, target.check);
    schedule(entry, nextStart(target, due, time.now()));
    if (isNews(before, entry.health)) onHealth(target, entry.health, before);
  }

  function remove(entry: Entry): void {
    entries.delete(entry.target.id);
    entry.cancel();
    entry.gone.abort(new Error(`target ${entry.target.id} is no longer checked`));
  }

  return {
    setTargets(targets, health) {
      const wanted = new Set(targets.map((target) => target.id));
      for (const entry of [...entries.values()]) if (!wanted.has(entry.target.id)) remove(entry);
      const newcomers = targets.filter((target) => !entries.has(target.id));
      const now = time.now();
      for (const target of newcomers) {
        if (entries.has(target.id)) continue;
        const known = Object.hasOwn(health, target.id) ? health[target.id] : undefined;
        const entry: Entry = {
          target,
          gone: new AbortController(),
          health: known ?? UNKNOWN_HEALTH,
          cancel: () => {},
        };
        entries.set(target.id, entry);
        schedule(entry, firstStart(target, now, entry.health.healthy !== undefined, newcomers.length));
      }
    },
    health: () => Object.fromEntries([...entries].map(([id, entry]) => [id, entry.health])),
    stop() {
      for (const entry of [...entries.values()]) remove(entry);
    },
  };
}
