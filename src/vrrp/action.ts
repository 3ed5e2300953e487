/** What the rules ask to be done, as data. The order is part of the contract: actions are done one after the other. */
import type { IpAddress, Prefix } from '../model/address.ts';
import type { Seconds } from '../model/units.ts';
import type { Advertisement } from './advertisement.ts';
import type { Parameters, State } from './state.ts';

export type Action =
  /** Send `advertisementOf(parameters, priority)`, of the parameters of the moment of sending. */
  | { readonly action: 'send-advert'; readonly priority: number }
  /** Put these addresses on the interface for `lifetime`; one that is there already gets the new lifetime. */
  | {
      readonly action: 'install-addresses';
      readonly addresses: readonly Prefix[];
      readonly lifetime: Seconds;
    }
  /** Give the addresses, which ought to be there, `lifetime` anew without a gap; one that is gone is put back. */
  | { readonly action: 'renew-addresses'; readonly addresses: readonly Prefix[]; readonly lifetime: Seconds }
  /** Take these addresses from the interface; one that is not there is no error. */
  | { readonly action: 'remove-addresses'; readonly addresses: readonly Prefix[] }
  /** Send one gratuitous ARP (IPv6: unsolicited neighbour advertisement) for each of these addresses. */
  | { readonly action: 'announce'; readonly addresses: readonly IpAddress[] }
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
  version: 3,
  vrid: parameters.vrid,
  priority,
  maxAdvertiseInterval: parameters.advertInterval,
  addresses: parameters.addresses.map(({ address }) => address),
});
