/** IPVS connection synchronisation (the kernel's sync daemon, ipvsadm(8) --start-daemon). */
import type { IpAddress } from './address.ts';

export interface ConnectionSync {
  /** The link that the kernel multicasts on. */
  readonly interface: string;
  /** 1 to 255: never 0, which means "any" to the kernel. */
  readonly id: number;
  /** The virtual router whose state it follows: master while active, backup otherwise. undefined: the first one. */
  readonly follow: string | undefined;
  /** Bytes of a message: 1 to 65507; the kernel's choice unless given. */
  readonly maxLength: number | undefined;
  readonly group: IpAddress | undefined;
  readonly port: number | undefined;
  /** 1 to 255. */
  readonly ttl: number | undefined;
}
