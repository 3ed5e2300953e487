/** What a virtual router is at one moment: plain values, replaced and never changed. */
import type { Family, IpAddress } from '../model/address.ts';
import type { RouterState, RouterStatus } from '../model/router-status.ts';
import { type Centiseconds, type Instant, instant } from '../model/units.ts';
import type { AnnouncePolicy, VirtualAddress, VirtualRouter } from '../model/virtual-router.ts';
import type { Announcements } from './announcements.ts';
import { mayHaveLapsed, stoodStill } from './timers.ts';

/**
 * What the rules need to know of a virtual router in one family; may change while it runs (event
 * `parameters-changed`). The priority is the one in force, with the weights of what is tracked.
 */
export interface Parameters
  extends Pick<
    VirtualRouter,
    | 'vrid'
    | 'version'
    | 'priority'
    | 'advertInterval'
    | 'downAdverts'
    | 'preempt'
    | 'preemptDelay'
    | 'startupDelay'
  > {
  readonly family: Family;
  /** Of this family: those that are advertised and those that are not. */
  readonly addresses: readonly VirtualAddress[];
  readonly announce: AnnouncePolicy;
  /** The primary address of the interface: source of our adverts, and what breaks a tie of priorities. */
  readonly source: IpAddress;
  /** How many addresses an advert has room for on the interface. */
  readonly room: number;
  /** Whether leave must be asked before becoming active: a sync group, an arbiter, fencing, or a probe. */
  readonly asks: boolean;
  /** Kept a backup by `vipward handover --stay-down`, whatever happens. */
  readonly standby: boolean;
  /** Whether there is an arbiter: adverts are answered, and addresses go before another may have them. */
  readonly exclusive: boolean;
}

/** The addresses that an advert carries: those that are not excluded, as many as there is room for. */
export const advertisedOf = ({ addresses, room }: Parameters): readonly IpAddress[] =>
  addresses
    .filter(({ excluded }) => excluded !== true)
    .slice(0, room)
    .map(({ address }) => address);

/** A router whose advert was heard. */
export interface HeardRouter {
  readonly address: IpAddress;
  readonly priority: number;
  /** When its last advert came. */
  readonly at: Instant;
}

interface Any {
  /** Why it is in this state, in words: `no advert for 3.609 s`. */
  readonly reason: string;
  /** When it came to this state. */
  readonly since: Instant;
}

/** Takes no part (RFC 9568 section 6.4.1). */
export interface Initialize extends Any {
  readonly name: 'initialize';
  /** Whether it was told to take part, and only the obstacle holds it back. */
  readonly started: boolean;
  /** What keeps it from taking part, in words: `interface eth0 is down`. */
  readonly obstacle: string | undefined;
  /** Whether the obstacle is only that something has not been looked at yet, which may turn out well: no fault. */
  readonly waiting: boolean;
}

/** Listens for the active router (section 6.4.2). */
export interface Backup extends Any {
  readonly name: 'backup';
  /** activeAdverInterval: that of the active router, once it was heard; our own before. */
  readonly activeAdvertInterval: Centiseconds;
  /**
   * Whose adverts we hear: for status. Undefined until one is heard. A router that we are about to preempt is here
   * too.
   */
  readonly activeRouter: HeardRouter | undefined;
  /** Whether the interval above is the active router's. */
  readonly adopted: boolean;
  /** When the activeDownTimer was last set, and to what: skewTime after a priority of 0. */
  readonly timerSetAt: Instant;
  readonly timerSetTo: 'active-down-interval' | 'skew-time';
  /** When the activeDownTimer fires. */
  readonly activeDownAt: Instant;
  /** Before this it only listens (`startup_delay`); undefined: no such limit. */
  readonly listenUntil: Instant | undefined;
  /** Since when a router of lower priority was heard without a pause; undefined: none is. */
  readonly inferiorSince: Instant | undefined;
  /** Since when leave to become active has been asked; undefined: it is not wanted. */
  readonly askingSince: Instant | undefined;
}

/** Holds the addresses and says so (section 6.4.3). */
export interface Active extends Any {
  readonly name: 'active';
  /** When the advertTimer fires. */
  readonly advertAt: Instant;
  /** When the last advert was sent, on whatever occasion. */
  readonly advertSentAt: Instant;
  /** When the address lease is renewed. */
  readonly renewAt: Instant;
  readonly announcements: Announcements;
  /** When another active router was last heard beside us. */
  readonly rivalAt: Instant | undefined;
}

/**
 * vipward's own state, between active and initialize: make before break. A priority of 0 was sent, and the addresses
 * stay and serve until a successor speaks or none can be expected any more. RFC 9568 drops them at once.
 */
export interface Releasing extends Any {
  readonly name: 'releasing';
  /** When the priority of 0 is sent again; undefined when that is done. */
  readonly repeatAt: Instant | undefined;
  /** How many more times it is sent: 0 and up. */
  readonly repeatsLeft: number;
  /** When the addresses go. */
  readonly until: Instant;
  readonly successor: HeardRouter | undefined;
  readonly afterwards: AfterRelease;
}

/** What becomes of a virtual router that has let go. */
export type AfterRelease =
  /** It takes no part any more. */
  | { readonly next: 'stop' }
  /** It listens; without a successor it is active again, or not. */
  | { readonly next: 'listen'; readonly ifNobody: 'active' | 'backup' }
  /** It is held back until the obstacle is gone. */
  | { readonly next: 'hold'; readonly obstacle: string };

export type State = Initialize | Backup | Active | Releasing;

/** The state of a virtual router that has not been started. */
export const initialState = (now: Instant): Initialize => ({
  name: 'initialize',
  reason: 'not started',
  since: now,
  started: false,
  obstacle: undefined,
  waiting: false,
});

/** The one timer to arm, or undefined when nothing is due however long one waits. */
export function nextDeadline(state: State): Instant | undefined {
  switch (state.name) {
    case 'initialize':
      return undefined;
    case 'backup':
      return state.askingSince === undefined ? state.activeDownAt : undefined;
    case 'active':
      return earliest(state.advertAt, state.renewAt, state.announcements.nextAt);
    case 'releasing':
      return earliest(state.until, state.repeatAt);
    default:
      return state satisfies never;
  }
}

/**
 * Whether the adverts that wait in the socket must be heard before a timer is acted upon: they came first, and what
 * is decided at the timer depends on them. An active router that sends its regular advert decides nothing, so that no
 * flood of packets delays it; one that comes so late that it may have been replaced must know.
 */
export const mustHearFirst = (
  state: State,
  now: Instant,
  parameters: Pick<Parameters, 'advertInterval' | 'downAdverts'>,
): boolean => state.name !== 'active' || mayHaveLapsed(state.advertSentAt, now, parameters);

/** Whether an active router has stood still for longer than it would itself have waited for another. */
export const hasStalled = (state: State, now: Instant, parameters: Parameters): boolean =>
  state.name === 'active' && stoodStill(state.advertSentAt, now, parameters);

/** What status tells of a state. */
export function describeState(
  state: State,
  parameters: Parameters,
): Pick<RouterStatus, 'state' | 'started' | 'waiting' | 'releasing' | 'reason' | 'activeRouter'> {
  return {
    state: routerState(state),
    started: state.name !== 'initialize' || state.started,
    waiting: state.name === 'initialize' && state.waiting,
    releasing: state.name === 'releasing',
    reason: state.reason,
    activeRouter: activeRouterOf(state, parameters),
  };
}

/** The state in the words of the RFC; releasing still holds the addresses and so counts as active. */
export const routerState = ({ name }: Pick<State, 'name'>): RouterState =>
  name === 'releasing' ? 'active' : name;

/** Whether the addresses ought to be in the kernel. */
export const holdsAddresses = ({ name }: Pick<State, 'name'>): boolean =>
  name === 'active' || name === 'releasing';

function activeRouterOf(state: State, parameters: Parameters): RouterStatus['activeRouter'] {
  if (state.name === 'active') return { address: parameters.source, priority: parameters.priority };
  const heard = state.name === 'backup' ? state.activeRouter : undefined;
  return heard && { address: heard.address, priority: heard.priority };
}

/** Asked of every virtual router at every turn, so no list is made for it. */
const earliest = (one: Instant, other: Instant | undefined, third?: Instant): Instant =>
  instant(Math.min(one, other ?? one, third ?? one));
