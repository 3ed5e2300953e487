/**
 * What operators have said of real servers (`vipward drain|disable|weight`), remembered across restarts and reloads
 * until `vipward enable`, and across changes of names and ports in the file (`override-places.ts`). Also for a real
 * server that left the file: it may come back, and whoever took it out of service did not mean only until then.
 * `status` tells of such.
 */
import { z } from 'zod';
import { entryOf, serverName } from '../balance/entry.ts';
import { PresentTable } from '../balance/present.ts';
import { type ActualTable, MOST_WEIGHT, type TableKey } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { Override, OverrideOf } from '../model/override.ts';
import { durationText, milliseconds } from '../model/units.ts';
import { monotonicNow } from '../sys/clock.ts';
import { type KeptOverride, type Place, placeNotes, placesOf, type Services } from './override-places.ts';
import { StateFile } from './state-file.ts';
import { heldOf } from './table-summary.ts';

/** Room for ten thousand with long reasons, in bytes. */
const SIZE_LIMIT = 16 * 1024 * 1024;
const Kept = z.object({
  version: z.literal(1),
  overrides: z.array(
    z.object({
      service: z.string(),
      server: z.string(),
      action: z.enum(['drain', 'disable', 'weight']),
      weight: z.int().min(0).max(MOST_WEIGHT).optional(),
      reason: z.string().optional(),
      by: z.string(),
      since: z.number(),
      until: z.number().optional(),
      drainedAt: z.number().optional(),
      cutOff: z.number().optional(),
      // Files that were written before there were any have none.
      traces: z.object({ entries: z.array(z.string()).readonly(), alone: z.boolean() }).optional(),
    }),
  ),
});

export interface OverrideBookOptions {
  readonly stateDir: string;
  readonly log: Log;
  /** Milliseconds since 1970: `Date.now` unless given. */
  readonly now?: () => number;
  /** Milliseconds that go on evenly, whatever becomes of the former: CLOCK_MONOTONIC, or as `now` where that is given. */
  readonly steady?: () => number;
}

/** In milliseconds: a clock that is this much off from one look to the next was set; less is its slow correction. */
const CLOCK_STEP = 1_000;

export class OverrideBook {
  readonly #file: StateFile<z.infer<typeof Kept>>;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #steady: () => number;
  /** Of the wall clock before the steady one, as it was when the times of those that drain were right. */
  #lead: number;
  #services: Services = [];
  #dangling: readonly Override[] = [];
  /**
   * Names that the last configuration has changed, and what they have become: the table is asked by the old ones until
   * it is configured, too. The new configuration has none of them, or it would have been the first choice.
   */
  #former: ReadonlyMap<string, { readonly service: string; readonly server: string }> = new Map();
  /** By service, then by server. */
  #overrides = new Map<string, Map<string, KeptOverride>>();

  constructor({ stateDir, log, now, steady = now ?? monotonicNow }: OverrideBookOptions) {
    this.#log = log;
    this.#now = now ?? Date.now;
    this.#steady = steady;
    this.#lead = this.#now() - steady();
    this.#file = new StateFile<z.infer<typeof Kept>>({
      directory: stateDir,
      name: 'overrides.json',
      limit: SIZE_LIMIT,
      schema: Kept,
      log,
      durable: 'at once',
      unwritable: 'after a restart, what was said by command is forgotten',
    });
    for (const kept of this.#file.read()?.overrides ?? []) {
      const { traces, weight, reason, until, drainedAt, cutOff, ...rest } = kept;
      this.#put({ override: { ...rest, weight, reason, until, drainedAt, cutOff }, traces });
    }
  }

  readonly of: OverrideOf = (service, server) => {
    // Mostly there is none, and every reload asks for ten thousand real servers.
    if (this.#overrides.size === 0) return undefined;
    const name = serverName(server);
    const own = this.#overrides.get(service)?.get(name);
    const now = own === undefined ? this.#former.get(idOf(service, name)) : undefined;
    return (own ?? (now && this.#overrides.get(now.service)?.get(now.server)))?.override;
  };

  get all(): readonly Override[] {
    return this.#kept.map(({ override }) => override);
  }

  get #kept(): readonly KeptOverride[] {
    return [...this.#overrides.values()].flatMap((servers) => [...servers.values()]);
  }

  /** What would hold with these in the place of the present services, and what an operator should know of it. */
  under(services: Services): { readonly of: OverrideOf; readonly notes: readonly string[] } {
    const places = placesOf(this.#kept, services);
    const found = new Map(
      places.flatMap(({ at, kept: { override } }) =>
        at === undefined ? [] : [[idOf(at.service, at.server), override]],
      ),
    );
    return {
      of: (service, server) => found.get(idOf(service, serverName(server))),
      notes: placeNotes(places.filter((place) => !this.#isKnown(place))),
    };
  }

  /** The virtual servers in which connections are waited for. */
  readonly awaited = (): readonly TableKey[] => {
    const draining = new Set(this.all.filter(isDraining).map(({ service }) => service));
    if (draining.size === 0) return [];
    return this.#services.flatMap(({ name, entries }) => (draining.has(name) ? entries : []));
  };

  /** Those whose real server is not in the file. */
  get dangling(): readonly Override[] {
    return this.#dangling;
  }

  /** Overrides go where their real servers are now. Those that change, or dangle from now on, are told in the log. */
  configure(services: Services): void {
    this.#services = services;
    const places = placesOf(this.#kept, services);
    const news = places.filter((place) => !this.#isKnown(place));
    this.#settle(places);
    for (const place of news) {
      const { service, server } = place.kept.override;
      for (const note of placeNotes([place]))
        this.#log(place.at === undefined ? 'warn' : 'info', note, { service, server });
    }
  }

  /** Whether it dangles already, so that another change of the file is no news of it. */
  #isKnown({ at, kept }: Place): boolean {
    return at === undefined && this.#dangling.includes(kept.override);
  }

  #settle(places: readonly Place[]): void {
    const before = JSON.stringify(this.#kept);
    this.#former = new Map(
      places.flatMap(({ at, kept: { override } }) =>
        at === undefined ? [] : [[idOf(override.service, override.server), at] as const],
      ),
    );
    this.#overrides = new Map();
    // Those that dangle first: their names may have become those of others.
    for (const { kept, at } of places) if (at === undefined) this.#put(kept);
    for (const { kept, at } of places) {
      if (at === undefined) continue;
      const { service, server, traces } = at;
      this.#put({ override: { ...kept.override, service, server }, traces });
    }
    this.#look();
    if (JSON.stringify(this.#kept) !== before) this.#save();
  }

  /** In the place of what was said of it before. False: it is not remembered across a restart. */
  set(override: Override): boolean {
    this.#followClock();
    const [place] = placesOf([{ override, traces: undefined }], this.#services);
    this.#put({ override, traces: place?.at?.traces });
    this.#look();
    return this.#save();
  }

  /** What was said of it until now. */
  remove(service: string, server: string): Override | undefined {
    const servers = this.#overrides.get(service);
    const found = servers?.get(server);
    if (found === undefined) return undefined;
    servers?.delete(server);
    if (servers?.size === 0) this.#overrides.delete(service);
    this.#look();
    this.#save();
    return found.override;
  }

  /** Notes which of those that drain are done, by the table as it is. */
  observe(actual: ActualTable): void {
    this.#followClock();
    const draining = this.#kept.filter(({ override }) => isDraining(override));
    if (draining.length === 0) return;
    const present = new PresentTable(actual);
    const ended = draining.flatMap(({ override, traces }) =>
      this.#ending(override, present).map((end) => ({ override: end, traces })),
    );
    if (ended.length === 0) return;
    for (const kept of ended) this.#put(kept);
    this.#save();
  }

  /** Where somebody has set the clock, what drains goes on for as long as it was told to. */
  #followClock(): void {
    const step = Math.round(this.#now() - this.#steady() - this.#lead);
    if (Math.abs(step) < CLOCK_STEP) return;
    this.#lead += step;
    const draining = this.#kept.filter(({ override }) => isDraining(override));
    for (const { override, traces } of draining) {
      const until = override.until === undefined ? undefined : override.until + step;
      this.#put({ override: { ...override, since: override.since + step, until }, traces });
    }
    if (draining.length === 0) return;
    this.#look();
    this.#save();
  }

  #ending(override: Override, present: PresentTable): readonly Override[] {
    const held = this.#held(override, present);
    // Where the file has no such real server, nobody can tell what became of its connections.
    if (held === undefined) return [];
    // It does not drain before it has weight 0.
    const isQuiet = held.every(
      ({ weight, connections: { active, inactive } }) => weight + active + inactive === 0,
    );
    const now = this.#now();
    const isLate = override.until !== undefined && now >= override.until;
    if (!isQuiet && !isLate) return [];
    const left = held.reduce((sum, { connections: { active, inactive } }) => sum + active + inactive, 0);
    const waited = durationText(milliseconds(Math.max(0, Math.round((now - override.since) / 1000) * 1000)));
    const { service, server } = override;
    this.#log(
      isQuiet ? 'info' : 'warn',
      `real server ${server} of ${service} is drained after ${waited}: ` +
        (held.length === 0
          ? 'it is not in the table'
          : isQuiet
            ? 'no connection is left'
            : `the time is over, ${left} connections are cut off`),
      { service, server, connections: left },
    );
    return [{ ...override, drainedAt: now, cutOff: left }];
  }

  /** The real server in every entry of its definition that has it; undefined: it is not in the file. */
  #held(override: Override, present: PresentTable) {
    const service = this.#services.find(({ name }) => name === override.service);
    const server = service?.realServers.find((each) => serverName(each) === override.server);
    if (service === undefined || server === undefined) return undefined;
    return heldOf(service, server, (key) => entryOf(key, server, 0), present);
  }

  #look(): void {
    this.#dangling = [];
    if (this.#overrides.size === 0) return;
    const names = new Map(
      this.#services.map(({ name, realServers }) => [name, new Set(realServers.map(serverName))]),
    );
    this.#dangling = this.all.filter(({ service, server }) => names.get(service)?.has(server) !== true);
  }

  #put(kept: KeptOverride): void {
    const { service, server } = kept.override;
    const servers = this.#overrides.get(service) ?? new Map<string, KeptOverride>();
    this.#overrides.set(service, servers.set(server, kept));
  }

  #save(): boolean {
    return this.#file.write({
      version: 1,
      overrides: this.#kept.map(({ override, traces }) => ({ ...override, traces })),
    });
  }
}

const isDraining = ({ action, drainedAt }: Override): boolean =>
  action === 'drain' && drainedAt === undefined;

/** The name of a server has no blank. */
const idOf = (service: string, server: string): string => `${service} ${server}`;
