/** What an operator has said of one real server, beside the configuration and above it, until it is taken back. */
import type { ConfiguredRealServer } from './config.ts';

export type OverrideAction = 'drain' | 'disable' | 'weight';

/** Times are milliseconds since 1970, since they outlive a restart and a reboot. */
export interface Override {
  /** The name of the virtual server in the file. */
  readonly service: string;
  /** As the file has it: `10.1.1.2:80`, or `10.1.1.2` where the port is the client's. */
  readonly server: string;
  readonly action: OverrideAction;
  /** Of `weight`: 0 to 2147483647; undefined for the others. */
  readonly weight: number | undefined;
  /** In the operator's words. */
  readonly reason: string | undefined;
  /** Who said so, by the word of the kernel: `ada`, `ada by sudo`, or `uid 1234` of one without a name. */
  readonly by: string;
  readonly since: number;
  /** Of `drain`: when connections that are left are cut off. */
  readonly until: number | undefined;
  /** Of `drain`: when its connections were gone, or the time was over, so that it left the table. */
  readonly drainedAt: number | undefined;
  /** Of `drain`: connections that were left then. */
  readonly cutOff: number | undefined;
}

/** The override of a real server of a virtual server. */
export type OverrideOf = (
  service: string,
  server: Pick<ConfiguredRealServer, 'address' | 'port'>,
) => Override | undefined;

export const NO_OVERRIDES: OverrideOf = () => undefined;
