/** What the manager looks at and whom it tells, as `status` shows it: counts since its start. */
import type { NotifyWord, TargetKind } from './notify.ts';
import type { TrackKind } from './tracking.ts';

export interface ActivityStatus {
  /** Scripts, processes and files that are tracked. */
  readonly trackers: readonly (TrackCounts & { readonly kind: TrackKind; readonly name: string })[];
  /** A queue for each virtual router, each sync group and each virtual server. */
  readonly notify: readonly NotifyStatus[];
  /** undefined: no mail is configured. */
  readonly mail: MailCounts | undefined;
}

export interface TrackCounts {
  /** Times that it was looked at. */
  readonly looks: number;
  /** Looks that were left out because the one before was still under way. */
  readonly skipped: number;
}

export interface NotifyStatus {
  readonly kind: TargetKind | 'SERVICE';
  readonly name: string;
  /** The state that was told last. */
  readonly told: NotifyWord | undefined;
  /** Being told at this moment. */
  readonly telling: NotifyWord | undefined;
  /** States that wait to be told. */
  readonly waiting: number;
  /** States that were never told, since too many waited. */
  readonly dropped: number;
}

export interface MailCounts {
  readonly sent: number;
  /** Refused for good, or tried too often. */
  readonly failed: number;
  /** Never tried, since too many waited. */
  readonly dropped: number;
  readonly waiting: number;
}
