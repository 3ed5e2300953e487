/** Changes of a configuration that do not show in the kernel's table yet, since they are about servers that are down. */
import { serverName } from '../balance/entry.ts';
import { targetOf } from '../balance/targets.ts';
import type { Health } from '../model/check.ts';
import type { ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import { tableKeyText } from '../model/ipvs-table.ts';

/** One line for each real server of `before` or `after` that is not in the table and is not what it was. */
export function pendingChanges(
  before: readonly ConfiguredVirtualServer[],
  after: readonly ConfiguredVirtualServer[],
  healthOf: (targetId: string) => Health | undefined,
): readonly string[] {
  const servers = new Map(
    before.flatMap((virtual) => virtual.realServers.map((real) => [id(virtual, real), real])),
  );
  const wanted = new Set(after.flatMap((virtual) => virtual.realServers.map((real) => id(virtual, real))));
  const isUp = (virtual: ConfiguredVirtualServer, real: ConfiguredRealServer) => {
    const target = targetOf(virtual, real);
    return target === undefined ? true : healthOf(target.id)?.healthy;
  };
  const arrivals = after.flatMap((virtual) =>
    virtual.realServers.flatMap((real) =>
      arrival(id(virtual, real), servers.get(id(virtual, real)), real, isUp(virtual, real)),
    ),
  );
  const departures = before.flatMap((virtual) =>
    virtual.realServers
      .filter((real) => !wanted.has(id(virtual, real)) && isUp(virtual, real) !== true)
      .map((real) => `forget real server ${id(virtual, real)}, which is not up`),
  );
  return [...arrivals, ...departures];
}

function arrival(
  name: string,
  was: ConfiguredRealServer | undefined,
  is: ConfiguredRealServer,
  up: boolean | undefined,
): readonly string[] {
  if (up === true) return [];
  if (up === undefined && was === undefined)
    return [`check real server ${name}: it takes traffic after its first good result`];
  if (was === undefined) return [`add real server ${name} when it is up`];
  return was.weight === is.weight
    ? []
    : [`weight ${was.weight} → ${is.weight} for real server ${name} when it is up`];
}

const id = (virtual: ConfiguredVirtualServer, real: ConfiguredRealServer): string =>
  `${serverName(real)} of ${tableKeyText(virtual.entries[0])}`;
