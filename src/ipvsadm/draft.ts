/** A command line while it is read: options take effect in their order, and each sees what came before it. */
import type { Family, IpAddress } from '../model/address.ts';
import type { Forwarding, Protocol, Tunnel } from '../model/virtual-server.ts';
import type { DaemonSpec } from '../netlink/ipvs/daemon.ts';
import type { OptionName } from './options.ts';

/** As TableSettings has it: a length, and where that cannot tell it the mask itself. */
export interface Granularity {
  readonly granularity: number;
  readonly mask?: IpAddress;
}

/** What was read so far. Units and ranges are those of the table's own types; '' is what was not named. */
export interface Draft {
  /** The options themselves, of which several only have to be there. */
  readonly seen: Set<OptionName>;
  /** Of the virtual service, by its address or behind its mark. */
  family: Family | undefined;
  /** Whose names ports have; of a mark tcp's. */
  protocol: Protocol | undefined;
  address: IpAddress | undefined;
  /** 0 where the service has none. */
  port: number;
  mark: number | undefined;
  netmask: Granularity;
  scheduler: string;
  /** With commas, as they were given: what they mean depends on the scheduler, which may come behind them. */
  schedulerFlags: string;
  flags: number;
  timeout: number;
  engine: string;
  /** The real server; the service's port where it named none. */
  server: { address: IpAddress; port: number } | undefined;
  forwarding: Forwarding;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnelKind: Tunnel['kind'];
  tunnelPort: number;
  checksum: Tunnel['checksum'];
  daemon: Partial<{ -readonly [Key in keyof DaemonSpec]: DaemonSpec[Key] }>;
}

/** With ipvsadm's defaults. */
export const newDraft = (): Draft => ({
  seen: new Set(),
  family: undefined,
  protocol: undefined,
  address: undefined,
  port: 0,
  mark: undefined,
  netmask: { granularity: 32 },
  scheduler: '',
  schedulerFlags: '',
  flags: 0,
  timeout: 0,
  engine: '',
  server: undefined,
  forwarding: 'dr',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnelKind: 'ipip',
  tunnelPort: 0,
  checksum: 'none',
  daemon: {},
});
