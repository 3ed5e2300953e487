/** What every kind of tracker is to the book of trackers. */
import type { TrackCounts } from '../../model/activity-status.ts';
import type { Log } from '../../model/messages.ts';
import type { TrackVerdict } from '../../model/tracking.ts';
import type { Clock } from '../../model/units.ts';
import type { Run } from '../run/program.ts';
import type { ProcessTable } from './process-table.ts';

export interface Tracker {
  readonly verdict: TrackVerdict;
  readonly counts: TrackCounts;
  /** Looks for the first time at once, then at its interval. */
  start(): void;
  /** Nothing is told from now on. Resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

export interface TrackerContext {
  /** Told of each verdict that differs from the one before in its state, its value or its reason. */
  readonly report: (verdict: TrackVerdict) => void;
  readonly log: Log;
  readonly clock: Clock;
  readonly run: Run;
  readonly processTable: ProcessTable;
}

export const isNews = (before: TrackVerdict, now: TrackVerdict): boolean =>
  before.state !== now.state || before.value !== now.value || before.reason !== now.reason;
