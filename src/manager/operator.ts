/** What operators ask for by command: found in the configuration, kept, and carried out in the table. */
import { entryOf, serverName } from '../balance/entry.ts';
import { PresentTable, sumOf } from '../balance/present.ts';
import { refusesAtWeight0 } from '../balance/settings.ts';
import { nearest } from '../conf/nearest.ts';
import { NoSuchName, type OverrideRequest } from '../control/api.ts';
import { readSetting } from '../kernel/sysctl.ts';
import type { Config, ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import type { ActualTable } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { Override } from '../model/override.ts';
import type { OverrideDocument, OverrideStatus } from '../model/status.ts';
import type { ReadSetting } from '../prepare/setting.ts';
import { type Answer, answered } from '../sys/pieces.ts';
import { lastServerNotes } from './last-server.ts';
import type { OverrideBook } from './overrides.ts';
import { heldOf } from './table-summary.ts';

/** Milliseconds that a drain waits for connections to end, unless the operator says otherwise. */
const DRAIN_TIMEOUT = 5 * 60_000;

/** Nothing of it reaches the others. */
const HERE_ALONE =
  'it holds on this director alone: say it on the others, too, or after a failover the file holds again';

type Configured = Pick<Config, 'virtualServers'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sysctl'>;
  /** Where there are any, there is another director. */
  readonly virtualRouters?: readonly unknown[];
};

export interface OperatorOptions {
  readonly overrides: OverrideBook;
  readonly log: Log;
  /** Milliseconds since 1970: `Date.now` unless given. */
  readonly now?: () => number;
  /** Brings the table to what it should be now; the changes in words. */
  readonly onChange: () => Answer<readonly string[]>;
  /** The table as far as it is known; undefined: it cannot be reached. */
  readonly table: () => ActualTable | undefined;
  /** Settings of the kernel; the kernel's own unless given. */
  readonly read?: ReadSetting;
}

export class Operator {
  readonly #options: OperatorOptions;
  #config: Configured = { virtualServers: [], ipvs: { sysctl: {} } };

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  configure(config: Configured): void {
    this.#config = config;
    this.#options.overrides.configure(config.virtualServers);
  }

  /** Throws NoSuchName. */
  carryOut(request: OverrideRequest): Answer<OverrideDocument> {
    return request.action === 'enable'
      ? this.#enable(request)
      : this.#set({ ...request, action: request.action });
  }

  /** All that was said, with what is left of connections in `actual`. */
  status(actual: ActualTable): readonly OverrideStatus[] {
    const { overrides } = this.#options;
    if (overrides.all.length === 0) return [];
    const dangling = new Set(overrides.dangling);
    const present = new PresentTable(actual);
    return overrides.all.map((override) => {
      const service = this.#config.virtualServers.find(({ name }) => name === override.service);
      const server = service?.realServers.find((each) => serverName(each) === override.server);
      const held =
        service === undefined || server === undefined
          ? []
          : heldOf(service, server, (key) => entryOf(key, server, 0), present);
      const connections = sumOf(held.map((each) => each.connections));
      return { ...override, dangling: dangling.has(override), connections };
    });
  }

  #set(request: OverrideRequest & { readonly action: Override['action'] }): Answer<OverrideDocument> {
    const { overrides, log, onChange } = this.#options;
    const { service, server } = this.#find(request);
    const [name, at] = [service.name, serverName(server)];
    const { action, weight, reason, by, timeout = DRAIN_TIMEOUT } = request;
    const now = (this.#options.now ?? Date.now)();
    const was = overrides.of(name, server);
    const until = action === 'drain' ? now + timeout : undefined;
    const override: Override = {
      ...{ service: name, server: at, action, weight, reason, by, until },
      since: now,
      drainedAt: undefined,
      cutOff: undefined,
    };
    const absent = action === 'drain' && this.#isAbsent(service, server);
    const kept = overrides.set(override);
    const what = action === 'weight' ? `weight ${weight} for` : action;
    log('info', `${by}: ${what} real server ${at} of ${name}${reasonText(reason)}`, { ...override });
    const before = this.#options.table() ?? [];
    return answered(onChange(), (changes) => {
      const last = lastServerNotes(service, before, this.#options.table() ?? before);
      for (const note of last) log('warn', note, { service: name });
      const notes = [
        ...last,
        ...(absent ? ['it was not in the table, and had no connections to finish'] : []),
        ...notesOn(service, action, (setting) => this.#settingOf(setting)),
        ...((this.#config.virtualRouters ?? []).length > 0 ? [HERE_ALONE] : []),
        ...(kept ? [] : ['it is not remembered across a restart: see the log of vipward']),
      ];
      // A drain that had nothing to wait for is done already.
      return { service: name, server: at, override: overrides.of(name, server), was, changes, notes };
    });
  }

  /** Of `net.ipv4.vs`: as it is, else as it is to be. */
  #settingOf(setting: string): string | undefined {
    const { read = readSetting } = this.#options;
    return read(['net', 'ipv4', 'vs', setting]) ?? this.#config.ipvs.sysctl[setting];
  }

  #isAbsent(service: ConfiguredVirtualServer, server: ConfiguredRealServer): boolean {
    const table = this.#options.table();
    if (table === undefined) return false;
    return heldOf(service, server, (key) => entryOf(key, server, 0), new PresentTable(table)).length === 0;
  }

  /** Also for what is not in the file any more. */
  #enable(request: OverrideRequest): Answer<OverrideDocument> {
    const { overrides, log, onChange } = this.#options;
    const dangling = overrides.dangling.find(
      ({ service, server }) => service === request.service && server === request.server,
    );
    const [service, server] =
      dangling === undefined ? this.#names(request) : [dangling.service, dangling.server];
    const was = overrides.remove(service, server);
    const nobody = ['nothing was said of it: it is as in the file'];
    if (was === undefined) return { service, server, override: undefined, was, changes: [], notes: nobody };
    return answered(onChange(), (changes) => {
      const what = `enable real server ${server} of ${service}${reasonText(request.reason)}`;
      log('info', `${request.by}: ${what}`, { service, server, was });
      return { service, server, override: undefined, was, changes, notes: [] };
    });
  }

  #names(request: OverrideRequest): readonly [string, string] {
    const { service, server } = this.#find(request);
    return [service.name, serverName(server)];
  }

  #find(request: OverrideRequest): {
    readonly service: ConfiguredVirtualServer;
    readonly server: ConfiguredRealServer;
  } {
    const { virtualServers } = this.#config;
    const service = virtualServers.find(({ name }) => name === request.service);
    if (service === undefined) {
      const names = virtualServers.map(({ name }) => name);
      throw new NoSuchName(`there is no service ${request.service}${advice(request.service, names)}`);
    }
    const exact = service.realServers.find((each) => serverName(each) === request.server);
    const wanted = request.server.replace(/^\[(.*)\]$/, '$1');
    const atAddress = service.realServers.filter(({ address }) => address === wanted);
    const server = exact ?? (atAddress.length === 1 ? atAddress[0] : undefined);
    if (server !== undefined) return { service, server };
    const names = service.realServers.map(serverName);
    const several =
      atAddress.length > 1 ? `: say which of ${atAddress.map(serverName).join(', ')}` : undefined;
    throw new NoSuchName(
      `service ${service.name} has no real server ${request.server}${several ?? advice(request.server, names)}`,
    );
  }
}

/** As many names as fit a line. */
const MOST_NAMES = 10;

function advice(word: string, names: readonly string[]): string {
  const near = nearest(word, names);
  if (near !== undefined) return `: did you mean ${near}?`;
  if (names.length === 0) return ': the file has none';
  const rest = names.length - MOST_NAMES;
  return `, only ${names.slice(0, MOST_NAMES).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

const reasonText = (reason: string | undefined): string => (reason === undefined ? '' : ` (${reason})`);

function notesOn(
  service: ConfiguredVirtualServer,
  action: Override['action'],
  settingOf: (setting: string) => string | undefined,
): readonly string[] {
  if (action !== 'drain') return [];
  const templates =
    service.persistence !== undefined && (settingOf('expire_quiescent_template') ?? '0') === '0'
      ? [
          'persistence: clients that it served before still come to it until it is removed; ' +
            '`ipvs: { sysctl: { expire_quiescent_template: 1 } }` sends them elsewhere at once',
        ]
      : [];
  const refused = refusesAtWeight0(service)
    ? [
        `scheduler ${service.scheduler} refuses new clients that it hashes to a real server of weight 0: ` +
          (service.scheduler === 'dh'
            ? '`vipward disable` sends them elsewhere, and cuts off those that it has'
            : `scheduler_flags: [${service.scheduler}-fallback] sends them elsewhere`),
      ]
    : [];
  const reused =
    settingOf('conn_reuse_mode') === '0'
      ? [
          'net.ipv4.vs.conn_reuse_mode is 0: clients that use the port of an old connection again still come to it; ' +
            '`ipvs: { sysctl: { conn_reuse_mode: 1 } }` sends them elsewhere',
        ]
      : [];
  return [...templates, ...reused, ...refused];
}
