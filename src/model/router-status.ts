/** How a virtual router stands, as the vrrp process tells it and `status` shows it. */
import type { Family, IpAddress } from './address.ts';
import type { TrackVerdict } from './tracking.ts';

/** The states of RFC 9568 section 6.4. */
export type RouterState = 'initialize' | 'backup' | 'active';
/** The words that people and keepalived's scripts know. STOP: it was told to end, and takes no part any more. */
export type RouterWord = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP';

/** The one table between the two vocabularies; an initialize that was told to end is STOP, see `routerWord`. */
export const ROUTER_WORD: { readonly [state in RouterState]: RouterWord } = {
  initialize: 'FAULT',
  backup: 'BACKUP',
  active: 'MASTER',
};

export interface RouterStatus {
  readonly name: string;
  readonly version: 2 | 3;
  readonly interface: string;
  readonly vrid: number;
  /** As configured. */
  readonly basePriority: number;
  /** With the weights of what is tracked: the one that is advertised. */
  readonly priority: number;
  /** The sync group that it is in. */
  readonly group: string | undefined;
  readonly state: RouterState;
  /** Whether it takes part in the protocol: false before its start and after its end. */
  readonly started: boolean;
  /**
   * Whether it has not begun only because something that is tracked has not been looked at yet: no fault, and nobody
   * is told of it.
   */
  readonly waiting: boolean;
  /** Whether it is handing over: no longer advertising, still holding its addresses until the successor speaks. */
  readonly releasing: boolean;
  /** When it came to this state: milliseconds since 1970, for people. */
  readonly since: number;
  /** Why it is in this state, in words: `no advert for 3.609 s`, `interface eth0 is down`. */
  readonly reason: string;
  /**
   * Why it stays in this state, in words of this moment: `heard 10.1.1.2 priority 150 0.4 s ago; preempt is off`.
   */
  readonly explanation: string;
  /** Kept a backup by `vipward handover --stay-down`. */
  readonly standby: boolean;
  /** The active router's address: our own when active, the last one heard when backup. */
  readonly activeRouter: { readonly address: IpAddress; readonly priority: number } | undefined;
  readonly addresses: readonly string[];
  /** The ways that adverts go, the virtual router's own interface first; once for each family. */
  readonly paths: readonly RouterPathStatus[];
  /** Everything that is tracked for it, its group's included. */
  readonly tracked: readonly (TrackVerdict & { readonly weight: number | undefined })[];
  /** The last other director that was active beside us. */
  readonly rival:
    | { readonly address: IpAddress; readonly at: number; readonly outcome: 'won' | 'lost' }
    | undefined;
  readonly counters: RouterCounters;
}

/**
 * Of one way that adverts go. `heard`: those of other directors come by it. `silent`: they do not, although the active
 * router ought to be heard there. `sending`: this director is active, and nobody else speaks. `down`: nothing can be
 * sent.
 */
export type PathState = 'heard' | 'silent' | 'sending' | 'down';

export interface PathStatus {
  readonly interface: string;
  readonly transport: 'multicast' | 'unicast' | 'udp';
  readonly state: PathState;
  /** Since when, as far as is known: milliseconds since 1970. Of `silent`: when the last message came by it. */
  readonly since: number;
  /** Why it is down, in words. */
  readonly reason: string | undefined;
}

export interface RouterPathStatus extends PathStatus {
  readonly family: Family;
}

/** How a sync group stands: as its members do, which are active only together. */
export interface GroupStatus {
  readonly name: string;
  readonly members: readonly string[];
  readonly state: RouterState;
  readonly started: boolean;
  /** As of a virtual router. */
  readonly waiting: boolean;
  readonly priority: number;
  readonly since: number;
  readonly reason: string;
}

/** What came of a hand-over of one virtual router. */
export interface HandoverOutcome {
  readonly name: string;
  /** `kept`: no successor was heard, so it stayed active. `not-active`: there was nothing to hand over. */
  readonly outcome: 'handed-over' | 'kept' | 'not-active' | 'unknown-name';
  readonly successor: IpAddress | undefined;
  readonly reason: string;
}

/** Counts since the vrrp process started. */
export interface RouterCounters {
  readonly advertsSent: number;
  readonly advertsReceived: number;
  readonly becameActive: number;
  /** Received and refused, by the reason of the receive check that refused. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Times that somebody else removed an address and it was put back. */
  readonly addressesRestored: number;
  readonly sendErrors: number;
  /** Times that another router was active beside us. */
  readonly rivals: number;
  /** Answers for a VIP of ours from another Ethernet address. */
  readonly conflicts: number;
}

export const routerWord = ({ state, started }: Pick<RouterStatus, 'state' | 'started'>): RouterWord =>
  started ? ROUTER_WORD[state] : 'STOP';

/** What people read in status and log: as `routerWord`, with keepalived's INIT for one that still waits. */
export const shownWord = (
  status: Pick<RouterStatus, 'state' | 'started' | 'waiting'>,
): RouterWord | 'INIT' => (status.waiting && status.started ? 'INIT' : routerWord(status));
