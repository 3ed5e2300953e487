/** What a command line of ipvsadm asks for. */
import type { TableKey, TableOperation } from '../model/ipvs-table.ts';
import type { DaemonRole, DaemonSpec } from '../netlink/ipvs/daemon.ts';
import type { ConnectionTimeouts } from '../netlink/ipvs/timeouts.ts';

/** How entries are listed: the columns, of which one kind can be shown. */
export type Columns = 'connections' | 'stats' | 'rate' | 'thresholds' | 'persistent' | 'tunnels';

export interface ListFormat {
  readonly columns: Columns;
  /** Addresses and ports instead of names. */
  readonly numeric: boolean;
  /** Counters in full, instead of in K, M, G, T. */
  readonly exact: boolean;
  /** By address and port; otherwise as the kernel lists them. */
  readonly sorted: boolean;
}

export type IpvsadmCommand =
  | { readonly kind: 'change'; readonly operation: TableOperation }
  | { readonly kind: 'flush' }
  | { readonly kind: 'zero'; readonly key: TableKey | undefined }
  | { readonly kind: 'set-timeouts'; readonly timeouts: ConnectionTimeouts }
  | { readonly kind: 'start-daemon'; readonly spec: DaemonSpec }
  | { readonly kind: 'stop-daemon'; readonly role: DaemonRole }
  /** `key`: one virtual service alone. */
  | { readonly kind: 'list'; readonly key: TableKey | undefined; readonly format: ListFormat }
  /** `persistent`: with the names of persistence engines. */
  | { readonly kind: 'list-connections'; readonly numeric: boolean; readonly persistent: boolean }
  | { readonly kind: 'list-timeouts' }
  | { readonly kind: 'list-daemons' }
  | { readonly kind: 'save'; readonly numeric: boolean }
  | { readonly kind: 'restore' }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };
