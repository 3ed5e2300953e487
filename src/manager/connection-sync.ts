/**
 * IPVS connection synchronisation: the kernel's sync daemon is a master while the virtual router that it follows is
 * active here, and a backup otherwise, so that the next active director knows the connections that are open.
 *
 * The kernel has room for one daemon of each role. Ours are those with our sync id; one with another id is somebody
 * else's: it is left alone, and told of when it is in the way.
 */
import {
  type DaemonRole,
  type DaemonSpec,
  IpvsUnavailable,
  openIpvs,
  type SyncDaemon,
  type SyncDaemons,
} from '../kernel/ipvs.ts';
import { daemonText } from '../kernel/ipvs-refusal.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Log } from '../model/messages.ts';
import { reasonOf } from '../model/reason.ts';
import type { ConnectionSync } from '../model/sync.ts';
import { milliseconds } from '../model/units.ts';
import type { SyncIds } from './sync-ids.ts';

/** How soon what the kernel refused is tried again: it ends a daemon by and by, and links and addresses may come. */
const RETRY = milliseconds(1_000);
const REPAIR = milliseconds(10_000);

export interface ConnectionSyncOptions {
  readonly log: Log;
  /** Opens the kernel's IPVS, when there is something to ask it; throws why there is none. */
  readonly open?: () => KernelDaemons;
  /** What was ours; forgotten with this process unless given. */
  readonly ids?: SyncIds;
}

export type KernelDaemons = SyncDaemons & { close(): void };

export interface ConnectionSyncStatus {
  /** undefined: nothing is wanted, or it is not known yet whether the virtual router is active. */
  readonly role: DaemonRole | undefined;
  /** Why it does not run as wanted; undefined: it does. */
  readonly problem: string | undefined;
  /** Daemons that are not ours. */
  readonly foreign: readonly string[];
}

export class ConnectionSyncKeeper {
  readonly #log: Log;
  readonly #open: () => KernelDaemons;
  #daemons: KernelDaemons | undefined;
  #sync: ConnectionSync | undefined;
  #role: DaemonRole | undefined;
  #problem: string | undefined;
  #foreign: readonly string[] = [];
  readonly #ids: SyncIds | undefined;
  /** Ids that were ours before the configuration changed, or a former process's. */
  readonly #formerIds: Set<number>;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor({ log, open = openIpvs, ids }: ConnectionSyncOptions) {
    this.#log = log;
    this.#open = open;
    this.#ids = ids;
    this.#formerIds = new Set(ids?.read());
  }

  get status(): ConnectionSyncStatus {
    return { role: this.#sync && this.#role, problem: this.#problem, foreign: this.#foreign };
  }

  /** What is wanted from now on; undefined: no daemon of ours. */
  configure(sync: ConnectionSync | undefined): void {
    if (this.#sync !== undefined && this.#sync.id !== sync?.id) this.#formerIds.add(this.#sync.id);
    this.#sync = sync;
    // Before one is started with it.
    this.#remember();
    this.#settle();
  }

  #remember(): void {
    const ids = new Set(this.#formerIds);
    if (this.#sync !== undefined) ids.add(this.#sync.id);
    this.#ids?.write([...ids].sort((a, b) => a - b));
  }

  /** Whether the virtual router that is followed is active. Until this is known, what runs is left as it is. */
  state(active: boolean): void {
    const role: DaemonRole = active ? 'master' : 'backup';
    if (role === this.#role) return;
    this.#role = role;
    this.#settle();
  }

  /** Stops what is ours. */
  stop(): void {
    this.configure(undefined);
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#daemons?.close();
  }

  /** Makes the kernel's daemons what they should be, looks again after a while, and never throws. */
  #settle(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    const problem = this.#attempt();
    if (problem !== undefined && problem !== this.#problem)
      this.#log('warn', `connection synchronisation: ${problem}`);
    if (problem === undefined && this.#problem !== undefined)
      this.#log('info', 'connection synchronisation runs as configured');
    this.#problem = problem;
    if (this.#sync === undefined && this.#formerIds.size === 0) return;
    this.#timer = setTimeout(() => this.#settle(), problem === undefined ? REPAIR : RETRY).unref();
  }

  /** The reason why it is not as wanted yet. */
  #attempt(): string | undefined {
    const wanted = this.#wanted();
    const idle = this.#sync === undefined && this.#formerIds.size === 0;
    if (idle || (this.#sync !== undefined && wanted === undefined)) return undefined;
    try {
      this.#daemons ??= this.#open();
      this.#change(this.#daemons, wanted);
      this.#noneLeft();
      return undefined;
    } catch (error) {
      // Without IPVS there is none to stop.
      if (this.#sync === undefined && error instanceof IpvsUnavailable) {
        this.#noneLeft();
        return undefined;
      }
      // Only what the kernel itself refused says that the socket is sound.
      if (!(error instanceof KernelError)) {
        this.#daemons?.close();
        this.#daemons = undefined;
      }
      return reasonOf(error);
    }
  }

  /** Of the ids that were ours. */
  #noneLeft(): void {
    this.#formerIds.clear();
    this.#remember();
  }

  /** The new role comes before the old one goes, so that nothing is missed in between; both may run side by side. */
  #change(daemons: SyncDaemons, wanted: DaemonSpec | undefined): void {
    const running = daemons.listDaemons();
    const ours = running.filter(({ syncId }) => this.#isOurs(syncId));
    this.#foreign = running.filter((each) => !ours.includes(each)).map(daemonText);
    const wrong = ours.filter((each) => wanted === undefined || !isAs(each, wanted));
    const inTheWay = wrong.filter(({ role }) => role === wanted?.role);
    for (const each of inTheWay) this.#stopOne(daemons, each);
    try {
      if (wanted !== undefined && wrong.length === ours.length) this.#startOne(daemons, wanted);
    } finally {
      for (const each of wrong) if (!inTheWay.includes(each)) this.#stopOne(daemons, each);
    }
  }

  #isOurs(id: number): boolean {
    return id === this.#sync?.id || this.#formerIds.has(id);
  }

  #wanted(): DaemonSpec | undefined {
    if (this.#sync === undefined || this.#role === undefined) return undefined;
    const { interface: link, id, maxLength, group, port, ttl } = this.#sync;
    return {
      role: this.#role,
      interface: link,
      syncId: id,
      ...(maxLength === undefined ? {} : { maxLength }),
      ...(group === undefined ? {} : { group }),
      ...(port === undefined ? {} : { port }),
      ...(ttl === undefined ? {} : { ttl }),
    };
  }

  #stopOne(daemons: SyncDaemons, daemon: SyncDaemon): void {
    if (daemons.stopDaemon(daemon.role, daemon.syncId))
      this.#log('info', `stopped the ${daemonText(daemon)}`);
  }

  #startOne(daemons: SyncDaemons, spec: DaemonSpec): void {
    daemons.startDaemon(spec);
    this.#log('info', `started the ${daemonText(spec)}`);
  }
}

/** Whether `running` is what `wanted` asks for; what it leaves to the kernel may be anything. */
function isAs(running: SyncDaemon, wanted: DaemonSpec): boolean {
  return Object.entries(wanted).every(([name, value]) => running[name as keyof SyncDaemon] === value);
}
