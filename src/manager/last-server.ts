/** What an operator should know who has taken the last real server of a virtual server out of service. */
import { entryOf, serverName, sorryEntry, takesPart } from '../balance/entry.ts';
import { PresentTable } from '../balance/present.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import { type ActualTable, realServerKey, type TableKey, tableKeyText } from '../model/ipvs-table.ts';

/** Nothing where somebody serves `after`, or nobody did `before`. Tables that hold its entries, as far as there are. */
export function lastServerNotes(
  service: ConfiguredVirtualServer,
  before: ActualTable,
  after: ActualTable,
): readonly string[] {
  const is = new PresentTable(after);
  const without = service.entries.filter((key) => !isServed(service, key, is));
  if (without.length === 0) return [];
  const was = new PresentTable(before);
  const bereft = without.filter((key) => isServed(service, key, was));
  const [first, ...others] = bereft;
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const where = bereft.length === service.entries.length ? '' : ` at ${tableKeyText(first)}${more}`;
  const standIns = sorryServersIn(service, first, is);
  const instead =
    standIns.length === 0
      ? 'new clients are refused'
      : `${standIns.length === 1 ? 'sorry server' : 'sorry servers'} ${standIns.join(', ')} ${standIns.length === 1 ? 'serves' : 'serve'}`;
  return [`${service.name} has no real server left${where}: ${instead}`];
}

/** Whether a real server takes new connections; stops at the first, since there may be tens of thousands of entries. */
const isServed = (service: ConfiguredVirtualServer, key: TableKey, present: PresentTable): boolean =>
  service.realServers.some(
    (server) =>
      takesPart(service, key, server) &&
      (present.realServer(key, realServerKey(entryOf(key, server, 0)))?.weight ?? 0) > 0,
  );

const sorryServersIn = (
  service: ConfiguredVirtualServer,
  key: TableKey,
  present: PresentTable,
): readonly string[] =>
  service.sorryServers
    .filter((sorry) => takesPart(service, key, sorry))
    .filter((sorry) => (present.realServer(key, realServerKey(sorryEntry(key, sorry, 0)))?.weight ?? 0) > 0)
    .map(serverName);
