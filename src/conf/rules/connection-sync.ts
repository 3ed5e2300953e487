/** The kernel's connection synchronisation. */
import { isNotUnicast } from '../../model/address.ts';
import { errorAt, errorAtKey, type Finding } from '../finding.ts';
import type { ConfigDraft } from './draft.ts';
import { adviceFor } from './names.ts';

export function connectionSyncFindings({ ipvs, virtual_routers: routers }: ConfigDraft): readonly Finding[] {
  const sync = ipvs?.sync;
  if (sync === undefined) return [];
  const path = ['ipvs', 'sync'];
  const group = sync.group;
  const notMulticast =
    group !== undefined && (!isNotUnicast(group) || ['0.0.0.0', '255.255.255.255', '::'].includes(group));
  const unicast = notMulticast
    ? [errorAt([...path, 'group'], `${group} is no multicast address: 224.0.0.0 and up, or ff00::/8`)]
    : [];
  if (routers === undefined) return unicast;
  const names = Object.keys(routers);
  if (names.length === 0)
    return [
      ...unicast,
      errorAtKey(path, 'sync follows the state of a virtual router, but there is none: add virtual_routers'),
    ];
  if (sync.follow === undefined || names.includes(sync.follow)) return unicast;
  const advice = adviceFor(sync.follow, names, 'virtual_routers');
  return [...unicast, errorAt([...path, 'follow'], `there is no virtual router "${sync.follow}": ${advice}`)];
}
