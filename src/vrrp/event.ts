/** What can happen to a virtual router. An event that means nothing in a state does nothing. */
import type { IpAddress, Prefix } from '../model/address.ts';
import type { VirtualAddress } from '../model/virtual-router.ts';
import type { Advertisement } from './advertisement.ts';
import type { Parameters } from './state.ts';

export type Event =
  /** Take part, from now on (RFC 9568 section 6.4.1). */
  | { readonly event: 'startup' }
  /**
   * Take part as active at once: this process's predecessor died while it was active, and the addresses are still
   * there.
   */
  | { readonly event: 'resume' }
  /** Hand over, make before break. `reason` in words: `stopped`, `removed from the configuration`. */
  | { readonly event: 'shutdown'; readonly reason: string }
  /** Drop everything at once, whatever the state. */
  | { readonly event: 'stop'; readonly reason: string }
  /**
   * Hand over, make before break, and listen from then on. `ifNobody`: what to be when no successor is heard:
   * `active` for a hand-over that somebody asked for, `backup` where it must not be active in any case.
   */
  | { readonly event: 'handover'; readonly reason: string; readonly ifNobody: 'active' | 'backup' }
  /** Give the addresses up now and listen: the leave to be active is gone. */
  | { readonly event: 'step-down'; readonly reason: string }
  /** The process stood still for longer than others wait: the addresses go first, and questions come afterwards. */
  | { readonly event: 'stalled'; readonly reason: string }
  /** An advert that passed the receive checks. */
  | AdvertEvent
  /** Another host claims an address of ours: the neighbours must hear again who has it. */
  | { readonly event: 'contested' }
  /** Leave to become active, which was asked for, is given. */
  | { readonly event: 'granted' }
  /** It is refused. The activeDownTimer starts again. `reason` in words: `fencing of 10.1.1.2 failed`. */
  | { readonly event: 'refused'; readonly reason: string }
  /** The deadline came, or did not: what is due is decided by the time, so a stale or early timer does nothing. */
  | { readonly event: 'timer' }
  /** The interface cannot carry adverts. `reason` in words: `interface eth0 is down`, `eth0 has no address`. */
  | { readonly event: 'interface-lost'; readonly reason: string }
  /** Something else forbids to be active, while adverts can still be sent: a script failed, a member of the group. */
  | { readonly event: 'fault'; readonly reason: string }
  /**
   * What decides whether it may be active has not been looked at yet: what has not begun waits for that, which is no
   * fault. `reason` in words: `script x has not been looked at yet`.
   */
  | { readonly event: 'unknown'; readonly reason: string }
  /** Nothing is in the way any more. `reason` in words: `interface eth0 is up`. */
  | { readonly event: 'cleared'; readonly reason: string }
  /** Addresses that we hold were removed by somebody else, or their lease ran out. */
  | { readonly event: 'addresses-lost'; readonly addresses: readonly Prefix[] }
  /** Addresses of ours are on their links although we do not hold them: somebody else put them there. */
  | { readonly event: 'addresses-found'; readonly addresses: readonly VirtualAddress[] }
  /** The parameters that step is given differ from those before. The VRID and the family never change. */
  | { readonly event: 'parameters-changed'; readonly previous: Parameters };

export interface AdvertEvent {
  readonly event: 'advert';
  readonly advertisement: Advertisement;
  readonly source: IpAddress;
  /** Our own address on the path that it came by: what breaks a tie. */
  readonly local: IpAddress;
  /**
   * Whether a tie of priorities is decided by this advert. Where several paths or several members of a group hear the
   * same rival one of them decides, or each side could win one.
   */
  readonly decidesTies: boolean;
}
