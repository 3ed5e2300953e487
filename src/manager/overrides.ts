/**
 * What operators have said of real servers (`vipward drain|disable|weight`), remembered across restarts and reloads
 * until `vipward enable`. Also for a real server that left the file: it may come back, and whoever took it out of
 * service did not mean only until then. `status` tells of such.
 */
import { z } from 'zod';
import { entryOf, serverName } from '../balance/entry.ts';
import { PresentTable } from '../balance/present.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import type { ActualTable, TableKey } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { Override, OverrideOf } from '../model/override.ts';
import { durationText, milliseconds } from '../model/units.ts';
import { heldOf } from './server-status.ts';
import { StateFile } from './state-file.ts';

/** Room for ten thousand with long reasons, in bytes. */
const SIZE_LIMIT = 16 * 1024 * 1024;
const Kept = z.object({
  version: z.literal(1),
  overrides: z.array(
    z.object({
      service: z.string(),
      server: z.string(),
      action: z.enum(['drain', 'disable', 'weight']),
      weight: z.int().min(0).max(0x7fffffff).optional(),
      reason: z.string().optional(),
      by: z.string(),
      since: z.number(),
      until: z.number().optional(),
      drainedAt: z.number().optional(),
      cutOff: z.number().optional(),
    }),
  ),
});

type Services = readonly Pick<ConfiguredVirtualServer, 'name' | 'entries' | 'realServers'>[];

export interface OverrideBookOptions {
  readonly stateDir: string;
  readonly log: Log;
  /** Milliseconds since 1970: `Date.now` unless given. */
  readonly now?: () => number;
}

export class OverrideBook {
  readonly #file: StateFile<z.infer<typeof Kept>>;
  readonly #log: Log;
  readonly #now: () => number;
  #services: Services = [];
  #dangling: readonly Override[] = [];
  /** By service, then by server. */
  readonly #overrides = new Map<string, Map<string, Override>>();

  constructor({ stateDir, log, now = Date.now }: OverrideBookOptions) {
    this.#log = log;
    this.#now = now;
    this.#file = new StateFile<z.infer<typeof Kept>>({
      directory: stateDir,
      name: 'overrides.json',
      limit: SIZE_LIMIT,
      schema: Kept,
      log,
      unwritable: 'after a restart, what was said by command is forgotten',
    });
    for (const kept of this.#file.read()?.overrides ?? []) {
      const { weight, reason, until, drainedAt, cutOff } = kept;
      this.#put({ ...kept, weight, reason, until, drainedAt, cutOff });
    }
  }

  readonly of: OverrideOf = (service, server) => this.#overrides.get(service)?.get(serverName(server));

  get all(): readonly Override[] {
    return [...this.#overrides.values()].flatMap((servers) => [...servers.values()]);
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

  /** Those that dangle from now on are told in the log. */
  configure(services: Services): void {
    this.#services = services;
    const known = new Set(this.#dangling.map(idOf));
    this.#look();
    for (const override of this.#dangling) {
      if (known.has(idOf(override))) continue;
      const { service, server, action } = override;
      this.#log(
        'warn',
        `${action} of real server ${server} of ${service} is kept, but the file has no such real server: ` +
          `vipward enable ${service} ${server} forgets it`,
        { service, server },
      );
    }
  }

  /** In the place of what was said of it before. False: it is not remembered across a restart. */
  set(override: Override): boolean {
    this.#put(override);
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
    return found;
  }

  /** Notes which of those that drain are done, by the table as it is. */
  observe(actual: ActualTable): void {
    const draining = this.all.filter(isDraining);
    if (draining.length === 0) return;
    const present = new PresentTable(actual);
    const ended = draining.flatMap((override) => this.#ending(override, present));
    if (ended.length === 0) return;
    for (const override of ended) this.#put(override);
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

  #put(override: Override): void {
    const servers = this.#overrides.get(override.service) ?? new Map<string, Override>();
    this.#overrides.set(override.service, servers.set(override.server, override));
  }

  #save(): boolean {
    return this.#file.write({ version: 1, overrides: [...this.all] });
  }
}

const idOf = ({ service, server }: Override): string => `${service} ${server}`;

const isDraining = ({ action, drainedAt }: Override): boolean =>
  action === 'drain' && drainedAt === undefined;
