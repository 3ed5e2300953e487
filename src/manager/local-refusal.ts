/**
 * `accept: false` of the configuration, kept in the kernel's packet filter. The rules are the same whatever the state of
 * a virtual router, since a backup does not hold the addresses.
 */
import { isRefusing, type RefusedAddress, refuseLocal, watchRefusal } from '../kernel/packet-filter.ts';
import type { IpAddress } from '../model/address.ts';
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { KeptRules } from './kept-rules.ts';

export interface PacketFilter {
  /** See `refuseLocal` and `isRefusing` of kernel/packet-filter.ts. */
  refuse(addresses: readonly RefusedAddress[]): Promise<void>;
  isRefusing(): Promise<boolean>;
  /** See `watchRefusal` of kernel/packet-filter.ts. */
  watch(onChange: () => void): { close(): void };
}

export interface LocalRefusalOptions {
  readonly log: Log;
  /** The kernel's unless given. */
  readonly filter?: PacketFilter;
}

const KERNEL: PacketFilter = {
  refuse: refuseLocal,
  isRefusing,
  watch: watchRefusal,
};

export class LocalRefusal {
  readonly #rules: KeptRules<readonly RefusedAddress[]>;

  constructor({ log, filter = KERNEL }: LocalRefusalOptions) {
    this.#rules = new KeptRules<readonly RefusedAddress[]>({
      log,
      none: [],
      apply: (addresses) => filter.refuse(addresses),
      areThere: () => filter.isRefusing(),
      watch: (onChange) => filter.watch(onChange),
      words: {
        rules: 'the rules of accept: false',
        without: 'accept: false has no effect, this host answers on its virtual addresses',
        table: 'the table vipward of nftables',
      },
    });
  }

  configure(config: Pick<Config, 'virtualRouters' | 'virtualServers'>): void {
    void this.#rules.want(refusedAddresses(config));
  }

  /** Takes our rules away; resolves when they are gone, or cannot be removed. */
  close(): Promise<void> {
    return this.#rules.close();
  }
}

/** Where the director is a real server of its own, that service must be answered. */
function refusedAddresses({
  virtualRouters,
  virtualServers,
}: Pick<Config, 'virtualRouters' | 'virtualServers'>): readonly RefusedAddress[] {
  return virtualRouters
    .filter(({ accept }) => !accept)
    .flatMap(({ addresses }) => addresses)
    .map(({ address }) => ({
      address,
      services: virtualServers
        .flatMap(({ entries }) => entries)
        .filter((entry) => entry.kind === 'address')
        .filter((entry) => entry.address === address)
        .map(({ protocol, port }) => ({ protocol, port })),
      marks: virtualServers.filter((server) => mayMark(server, address)).flatMap(marksOf),
    }));
}

/** What somebody else marks may be sent to any address. */
const mayMark = ({ match }: ConfiguredVirtualServer, address: IpAddress): boolean =>
  match.length === 0 || match.some((each) => each.address === address);

const marksOf = ({ entries }: ConfiguredVirtualServer): readonly number[] =>
  entries.flatMap((entry) => (entry.kind === 'mark' ? [entry.mark] : []));
