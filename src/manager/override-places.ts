/**
 * Which real server of a configuration an operator meant. A service whose ports change gives its real servers other
 * names (`10.1.1.2:80`, `10.1.1.2`), and one may be renamed, but the disk that is broken is the same: so a real server
 * is known by its address, by its port too only where several share an address, and a service by its name, else by its
 * entries. Where that could be more than one, it is none, and whoever asks is told.
 */
import { serverName } from '../balance/entry.ts';
import type { ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import { tableKeyText } from '../model/ipvs-table.ts';
import type { Override } from '../model/override.ts';

export type Services = readonly Service[];
type Service = Pick<ConfiguredVirtualServer, 'name' | 'entries' | 'realServers'>;

/** What an override is found by when names have changed: from when its real server was last in the file. */
export interface Traces {
  /** Entries of the service, as `tcp 10.1.1.254:80`: the first ones of many. */
  readonly entries: readonly string[];
  /** Whether no other real server of the service had its address. */
  readonly alone: boolean;
}

export interface KeptOverride {
  readonly override: Override;
  /** undefined: of a state file that has none, and not seen in a file since. */
  readonly traces: Traces | undefined;
}

/** Where an override belongs in a configuration. */
export interface Place {
  readonly kept: KeptOverride;
  /** undefined: nowhere. */
  readonly at: { readonly service: string; readonly server: string; readonly traces: Traces } | undefined;
  /** Of one that is nowhere: why, as the end of `the file has `. */
  readonly missing: string;
}

/** A range of ports has 65,535, and the first ones tell a service from others as well. */
const MOST_ENTRIES = 16;

/** In the order of `overrides`. No two share a real server: who has its own name there goes first, then the younger. */
export function placesOf(overrides: readonly KeptOverride[], services: Services): readonly Place[] {
  if (overrides.length === 0) return [];
  const search = new Search(services);
  const taken = new Set<string>();
  const places = new Map<KeptOverride, Place>();
  const exact = overrides.filter(({ override }) => search.exactly(override) !== undefined);
  const others = overrides
    .filter((kept) => !exact.includes(kept))
    .sort((a, b) => b.override.since - a.override.since);
  for (const kept of [...exact, ...others]) {
    const place = search.placeOf(kept);
    const id = JSON.stringify([place.at?.service, place.at?.server]);
    const isTaken = place.at !== undefined && taken.has(id);
    taken.add(id);
    const missing = `${place.at?.server} in its place, of which something else was said`;
    places.set(kept, isTaken ? { kept, at: undefined, missing } : place);
  }
  return overrides.flatMap((kept) => places.get(kept) ?? []);
}

interface Found {
  readonly service: Service;
  readonly server: ConfiguredRealServer;
}

class Search {
  readonly #byName: ReadonlyMap<string, Service>;
  readonly #services: Services;
  /** Made when a service is missing: there may be a hundred thousand entries. */
  #byEntry: ReadonlyMap<string, Service> | undefined;

  constructor(services: Services) {
    this.#services = services;
    this.#byName = new Map(services.map((service) => [service.name, service]));
  }

  exactly({ service: name, server }: Override): Found | undefined {
    const service = this.#byName.get(name);
    const found = service?.realServers.find((each) => serverName(each) === server);
    return service && found && { service, server: found };
  }

  placeOf(kept: KeptOverride): Place {
    const own = this.#byName.get(kept.override.service);
    const candidates = [...(own === undefined ? [] : [own]), ...this.#heirs(kept, own)];
    for (const service of candidates) {
      const server = serverOf(service, kept);
      if (server !== undefined) return { kept, at: placeAt({ service, server }), missing: '' };
    }
    return { kept, at: undefined, missing: missing(candidates, kept) };
  }

  /** The service that has the entries now, if it is a single one. */
  #heirs({ traces }: KeptOverride, own: Service | undefined): readonly Service[] {
    this.#byEntry ??= new Map(
      this.#services.flatMap((service) => service.entries.map((key) => [tableKeyText(key), service])),
    );
    const heirs = new Set(traces?.entries.flatMap((entry) => this.#byEntry?.get(entry) ?? []));
    return heirs.size === 1 ? [...heirs].filter((heir) => heir !== own) : [];
  }
}

function serverOf(service: Service, { override, traces }: KeptOverride): ConfiguredRealServer | undefined {
  const exact = service.realServers.find((each) => serverName(each) === override.server);
  // One of several at an address that leaves the file leaves the others as they are.
  if (exact !== undefined || traces?.alone === false) return exact;
  const there = atAddress(service, addressOf(override.server));
  return there.length === 1 ? there[0] : undefined;
}

function placeAt({ service, server }: Found): NonNullable<Place['at']> {
  const entries = service.entries.slice(0, MOST_ENTRIES).map(tableKeyText);
  const alone = atAddress(service, server.address).length === 1;
  return { service: service.name, server: serverName(server), traces: { entries, alone } };
}

function missing(candidates: Services, { override }: KeptOverride): string {
  const address = addressOf(override.server);
  const names = candidates.flatMap((service) => atAddress(service, address).map(serverName));
  if (candidates.length === 0) return 'no such service';
  return names.length === 0 ? 'no such real server' : `no such real server: only ${names.join(', ')}`;
}

const atAddress = ({ realServers }: Service, wanted: string): readonly ConfiguredRealServer[] =>
  realServers.filter(({ address }) => address === wanted);

/** Of what `serverName` gives. */
const addressOf = (name: string): string =>
  /^\[(.*)\]:\d+$/.exec(name)?.[1] ?? /^([^:]*):\d+$/.exec(name)?.[1] ?? name;

/** What becomes of overrides in another configuration, where that is not simply what it was: one line each. */
export const placeNotes = (places: readonly Place[]): readonly string[] => places.flatMap(noteOn);

function noteOn({ kept: { override }, at, missing: what }: Place): readonly string[] {
  const { action, server, service } = override;
  const said = `${action} of real server ${server} of ${service}`;
  if (at === undefined)
    return [
      `${said} is kept, but the file has ${what}, and it applies to nothing: ` +
        `vipward enable ${service} ${server} forgets it`,
    ];
  if (at.service === service && at.server === server) return [];
  return [`${said} goes on as that of ${at.server} of ${at.service}`];
}
