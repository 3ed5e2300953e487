/**
 * Real servers that are taken out of an entry only to be put in again, in another place. Their connections find them
 * again: the kernel keeps the real server for as long as it has any. But a packet of one that comes in between ends it
 * where net.ipv4.vs.expire_nodest_conn is 1, and is else dropped, to be sent again (ip_vs_in_hook in
 * net/netfilter/ipvs/ip_vs_core.c).
 */
import { realServerKey, type TableOperation, tableKeyText } from '../model/ipvs-table.ts';
import { readSetting, writeSetting } from './sysctl.ts';

const EXPIRE_NODEST_CONN = ['net', 'ipv4', 'vs', 'expire_nodest_conn'] as const;

export interface NodestSetting {
  /** undefined where there is no such setting. */
  read(): string | undefined;
  write(value: string): Error | undefined;
}

const KERNEL: NodestSetting = {
  read: () => readSetting(EXPIRE_NODEST_CONN),
  write: (value) => writeSetting(EXPIRE_NODEST_CONN, value),
};

/** Does `work`, which makes these operations, so that no connection ends for what is removed and added again. */
export function keepingConnections<Result>(
  operations: readonly TableOperation[],
  work: () => Result,
  setting: NodestSetting = KERNEL,
): Result {
  if (!operations.some(removalBefore(operations))) return work();
  const was = setting.read();
  // Where it cannot be set it is done all the same.
  if (was === undefined || was === '0' || setting.write('0') !== undefined) return work();
  try {
    return work();
  } finally {
    setting.write(was);
  }
}

/** Whether an operation removes what another of `operations` adds. */
function removalBefore(operations: readonly TableOperation[]): (operation: TableOperation) => boolean {
  if (!operations.some(({ op }) => op === 'remove-real-server')) return () => false;
  const added = new Set(operations.flatMap((each) => (each.op === 'add-real-server' ? [nameOf(each)] : [])));
  return (each) => each.op === 'remove-real-server' && added.has(nameOf(each));
}

const nameOf = ({
  key,
  realServer,
}: Extract<TableOperation, { readonly op: 'add-real-server' | 'remove-real-server' }>): string =>
  `${tableKeyText(key)} ${realServerKey(realServer)}`;
