/** What can happen to a virtual router. An event that means nothing in a state does nothing. */
import type { IpAddress, Prefix } from '../model/address.ts';
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
  /** An advert that passed the receive checks. */
  | { readonly event: 'advert'; readonly advertisement: Advertisement; readonly source: IpAddress }
  /** The deadline came, or did not: what is due is decided by the time, so a stale or early timer does nothing. */
  | { readonly event: 'timer' }
  /** The interface cannot carry adverts. `reason` in words: `interface eth0 is down`, `eth0 has no address`. */
  | { readonly event: 'interface-lost'; readonly reason: string }
  /** The interface can carry adverts again. `reason` in words: `interface eth0 is up`. */
  | { readonly event: 'interface-regained'; readonly reason: string }
  /** Addresses that we hold were removed by somebody else, or their lease ran out. */
  | { readonly event: 'addresses-lost'; readonly addresses: readonly Prefix[] }
  /** The parameters that step is given differ from those before. The VRID never changes. */
  | { readonly event: 'parameters-changed'; readonly previous: Parameters };
