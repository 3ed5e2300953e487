/** Changes of a configuration that do not show in the kernel's table yet, since they are about servers that are down. */
import { serverName } from '../balance/entry.ts';
import { targetOf } from '../balance/targets.ts';
import type { Health } from '../model/check.ts';
import type { ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import { tableKeyText } from '../model/ipvs-table.ts';

/** One line for each real server of `was` or `is` that is not in the table and is not what it was. */
export function pendingChanges(
  was: readonly ConfiguredVirtualServer[],
  is: readonly ConfiguredVirtualServer[],
  healthOf: (targetId: string) => Health | undefined,
): readonly string[] {
  const isUp = (virtual: ConfiguredVirtualServer, real: ConfiguredRealServer) => {
    const target = targetOf(virtual, real);
    return target === undefined ? true : healthOf(target.id)?.healthy;
  };
  // What both have in common: nearly all of a long file that is read again.
  const [all, allAfter] = [new Set(was), new Set(is)];
  const before = was.filter((virtual) => !allAfter.has(virtual));
  const after = is.filter((virtual) => !all.has(virtual));
  const [servers, wanted] = [new Servers(before), new Servers(after)];
  const arrivals = after.flatMap((virtual) =>
    virtual.realServers.flatMap((real) => {
      const [up, former] = [isUp(virtual, real), servers.find(virtual, real)];
      // The table says what happens to one that is up, or serves until the first check by another rule.
      if (up === true || (up === undefined && former !== undefined && isUp(...former) === true)) return [];
      return arrival(id(virtual, real), former?.[1], real, up);
    }),
  );
  const departures = before.flatMap((virtual) =>
    virtual.realServers
      .filter((real) => isUp(virtual, real) !== true && wanted.find(virtual, real) === undefined)
      .map((real) => `forget real server ${id(virtual, real)}, which is not up`),
  );
  return [...arrivals, ...departures];
}

/** Real servers by their virtual server's first entry and their own name. */
class Servers {
  readonly #definitions: ReadonlyMap<string, ConfiguredVirtualServer>;

  constructor(definitions: readonly ConfiguredVirtualServer[]) {
    this.#definitions = new Map(definitions.map((virtual) => [tableKeyText(virtual.entries[0]), virtual]));
  }

  /** The definition that it is in, and what it is there. */
  find(
    virtual: ConfiguredVirtualServer,
    real: ConfiguredRealServer,
  ): readonly [ConfiguredVirtualServer, ConfiguredRealServer] | undefined {
    const definition = this.#definitions.get(tableKeyText(virtual.entries[0]));
    const found = definition?.realServers.find(
      ({ address, port }) => address === real.address && port === real.port,
    );
    return definition && found && [definition, found];
  }
}

function arrival(
  name: string,
  was: ConfiguredRealServer | undefined,
  is: ConfiguredRealServer,
  up: false | undefined,
): readonly string[] {
  if (up === undefined && was === undefined)
    return [`check real server ${name}: it takes traffic after its first good result`];
  if (was === undefined) return [`add real server ${name} when it is up`];
  return was.weight === is.weight
    ? []
    : [`weight ${was.weight} → ${is.weight} for real server ${name} when it is up`];
}

const id = (virtual: ConfiguredVirtualServer, real: ConfiguredRealServer): string =>
  `${serverName(real)} of ${tableKeyText(virtual.entries[0])}`;
