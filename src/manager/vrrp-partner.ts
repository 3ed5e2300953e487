/** What the rest of the manager and the vrrp process have to do with each other, whichever process it is just now. */
import type { ChangedSetting, VrrpToManager } from '../model/messages.ts';
import type { GroupStatus, RouterStatus } from '../model/router-status.ts';
import type { TrackVerdict } from '../model/tracking.ts';
import type { Instant } from '../model/units.ts';

/** A message of the vrrp process of one of these types. */
export type Told<Type extends VrrpToManager['type']> = Extract<VrrpToManager, { type: Type }>;

/** What the rest of the manager does for the vrrp process, and is told by it. */
export interface VrrpPartner {
  /** Everything that a new process must know before it begins. */
  known(): {
    readonly verdicts: readonly TrackVerdict[];
    readonly standby: readonly string[];
    /** The arbiter's leases that are held, by unit. */
    readonly leases: ReadonlyMap<string, Instant>;
  };
  /** A new process is about to be told `known`: of what its predecessor wanted nothing counts any more. */
  onBegin(): void;
  /** The process has taken in all that it was told, and has said what it wants. */
  onTakenIn(): void;
  onRouter(status: RouterStatus): void;
  onGroup(status: GroupStatus): void;
  onRival(told: Told<'rival'>): void;
  onLeaseWanted(told: Told<'lease-wanted'>): void;
  onFence(told: Told<'fence'>): void;
  onSettingChanged(change: ChangedSetting): void;
  onRecorded(lines: readonly string[]): void;
}
