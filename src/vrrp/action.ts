/** What the rules ask to be done, as data. The order is part of the contract: actions are done one after the other. */
import type { IpAddress } from '../model/address.ts';
import type { Seconds } from '../model/units.ts';
import type { VirtualAddress } from '../model/virtual-router.ts';
import type { Advertisement } from './advertisement.ts';
import { advertisedOf, type Parameters, type State } from './state.ts';

export type Action =
  /** Send `advertisementOf(parameters, priority)`, of the parameters of the moment of sending. */
  | { readonly action: 'send-advert'; readonly priority: number }
  /** Answer an advert: `I hear you`, or, with `asks`, `let me be active`. Only with an arbiter. */
  | { readonly action: 'send-presence'; readonly asks: boolean }
  /** Put these addresses on their links for `lifetime`; one that is there already gets the new lifetime. */
  | {
      readonly action: 'install-addresses';
      readonly addresses: readonly VirtualAddress[];
      readonly lifetime: Seconds;
    }
  /** Give the addresses, which ought to be there, `lifetime` anew without a gap; one that is gone is put back. */
  | {
      readonly action: 'renew-addresses';
      readonly addresses: readonly VirtualAddress[];
      readonly lifetime: Seconds;
    }
  /** Take these addresses from their links; one that is not there is no error. */
  | { readonly action: 'remove-addresses'; readonly addresses: readonly VirtualAddress[] }
  /** Put the routes and rules of the virtual router, or take them away. */
  | { readonly action: 'install-routes' | 'remove-routes' }
  /** Send one gratuitous ARP (IPv6: unsolicited neighbour advertisement) for each of these addresses. */
  | { readonly action: 'announce'; readonly addresses: readonly VirtualAddress[] }
  /** Leave to become active is wanted: answered by `granted` or `refused`. */
  | { readonly action: 'ask-leave' }
  /** Another router was active beside us; `outcome` says who goes on. Told once for each meeting. */
  | {
      readonly action: 'rival';
      readonly address: IpAddress;
      readonly priority: number;
      readonly outcome: 'won' | 'lost';
    }
  /** The state changed; tell whoever listens. Always the last of its step. */
  | {
      readonly action: 'report';
      readonly from: State['name'];
      readonly to: State['name'];
      /** The reason of the new state. */
      readonly reason: string;
    };

/** The advert that a virtual router sends: at its own priority, or 0 to let go. */
export const advertisementOf = (parameters: Parameters, priority: number): Advertisement => ({
  version: parameters.version,
  vrid: parameters.vrid,
  priority,
  maxAdvertiseInterval: parameters.advertInterval,
  addresses: advertisedOf(parameters),
});
