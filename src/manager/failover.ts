/**
 * Everything around the vrrp process: what is tracked for it, whom it asks before a take-over, and who hears of its
 * states.
 *
 *     trackers, health ──verdicts──▶ ┌──────────────┐ ──states──▶ notify scripts, mail, connection synchronisation
 *     arbiter ─────────leases──────▶ │ vrrp process │ ──lease wanted─▶ arbiter
 *     fence agent ─────outcome─────▶ └──────────────┘ ──fence────────▶ fence agent
 */

import type { ActivityStatus } from '../model/activity-status.ts';
import type { Config } from '../model/config.ts';
import type { ChangedSetting, Log } from '../model/messages.ts';
import type { GroupStatus, HandoverOutcome, RouterStatus } from '../model/router-status.ts';
import { type TrackVerdict, trackKey } from '../model/tracking.ts';
import type { Milliseconds } from '../model/units.ts';
import { monotonicNow } from '../sys/clock.ts';
import type { ArbiterStatus } from './arbiter/client.ts';
import { Leases } from './arbiter/leases.ts';
import { ConnectionSyncKeeper, type ConnectionSyncStatus } from './connection-sync.ts';
import { Fencer, type FencerStatus } from './fencing/fencer.ts';
import { LocalRefusal } from './local-refusal.ts';
import { Mailer } from './notify/mail.ts';
import { NotifyQueue } from './notify/queue.ts';
import type { QuorumEvent } from './quorums.ts';
import { Recording } from './recording.ts';
import { runProgram } from './run/run.ts';
import { Standby, withGroups } from './standby.ts';
import { RememberedSyncIds } from './sync-ids.ts';
import { type ServiceFacts, serviceVerdicts } from './tracking/services.ts';
import { TrackerBook } from './tracking/trackers.ts';
import { VrrpChild } from './vrrp-child.ts';
import type { VrrpPartner } from './vrrp-partner.ts';

export interface FailoverOptions {
  readonly stateDir: string;
  readonly log: Log;
  readonly services: ServiceFacts;
  /** Called when the state of a virtual router has changed. */
  readonly onRouters: () => void;
  /** The vrrp process changed a setting of the kernel. */
  readonly onSettingChanged: (change: ChangedSetting) => void;
  /** Where the events of the vrrp process are written, for replay; undefined: nowhere. */
  readonly record: string | undefined;
}

export class Failover implements VrrpPartner {
  readonly vrrp: VrrpChild;
  readonly #facts: ServiceFacts;
  readonly #onRouters: () => void;
  readonly #onSettingChanged: FailoverOptions['onSettingChanged'];
  readonly #log: Log;
  readonly #book: TrackerBook;
  readonly #standby: Standby;
  readonly #notify: NotifyQueue;
  readonly #mailer: Mailer;
  readonly #sync: ConnectionSyncKeeper;
  readonly #localRefusal: LocalRefusal;
  readonly #recording: Recording | undefined;
  readonly #leases: Leases;
  #fencer: { readonly fencer: Fencer; readonly definition: string } | undefined;
  #config: Config | undefined;
  #services = new Map<string, TrackVerdict>();

  constructor(options: FailoverOptions) {
    const { log, stateDir, services, onRouters, record } = options;
    this.#facts = services;
    this.#onRouters = onRouters;
    this.#onSettingChanged = options.onSettingChanged;
    this.#log = log;
    this.vrrp = new VrrpChild(log, this);
    this.#book = new TrackerBook({
      log,
      clock: monotonicNow,
      onVerdicts: (verdicts) => this.vrrp.tell({ type: 'verdicts', verdicts }),
    });
    this.#leases = new Leases({
      stateDir,
      log,
      onLease: (unit, heldUntil, contended) => this.vrrp.tell({ type: 'lease', unit, heldUntil, contended }),
      isUsed: () => this.vrrp.alive,
    });
    this.#standby = new Standby(stateDir, log);
    this.#mailer = new Mailer({ log });
    this.#notify = new NotifyQueue({ stateDir, log, mail: this.#mailer });
    this.#sync = new ConnectionSyncKeeper({ log, ids: new RememberedSyncIds(stateDir, log) });
    this.#localRefusal = new LocalRefusal({ log });
    this.#recording = record === undefined ? undefined : new Recording(record, log);
  }

  start(): void {
    this.vrrp.start();
    if (this.#recording) this.vrrp.record(true);
  }

  /** Resolves when the vrrp process has taken it in; false when it has not said so in time. */
  async configure(config: Config): Promise<boolean> {
    this.#config = config;
    this.#standby.follow(config.virtualRouters);
    const uses = [...config.virtualRouters, ...config.syncGroups].flatMap(({ track }) => track);
    this.#book.configure(config.trackers, uses);
    this.#services = servicesOf(config, this.#facts);
    const formerArbiter = this.#leases.configure(config);
    this.#configureFencer(config);
    this.#mailer.configure(config.mail, config.director.name);
    this.#notify.configure(config.virtualRouters, config.syncGroups, config.virtualServers);
    this.#repeatQuorums(config);
    this.#configureSync(config);
    this.#localRefusal.configure(config);
    const { virtualRouters: routers, syncGroups: groups, trackers, fixed, arbiter, fencing, vrrp } = config;
    const taken = await this.vrrp.configure({
      network: {
        routers,
        groups,
        gateways: trackers.gateways,
        fixed,
        arbiter: arbiter && { directors: arbiter.directors },
        fencing: fencing && { takeOverAfter: fencing.takeOverAfter },
      },
      realtime: vrrp.realtime,
    });
    // Only now does nobody rely on its leases any more; a process that does not answer may still.
    if (taken) await formerArbiter?.close();
    else formerArbiter?.leave();
    return taken;
  }

  /** The quorum of a virtual server was gained or lost. */
  onQuorum(event: QuorumEvent): void {
    this.#notify.quorum(event);
  }

  /** Virtual servers that are tracked may stand otherwise now. */
  onServices(): void {
    if (this.#config === undefined) return;
    const verdicts = servicesOf(this.#config, this.#facts);
    const changed = [...verdicts.values()].filter((verdict) => {
      const before = this.#services.get(trackKey(verdict));
      return before?.state !== verdict.state || before.reason !== verdict.reason;
    });
    this.#services = verdicts;
    if (changed.length > 0) this.vrrp.tell({ type: 'verdicts', verdicts: changed });
  }

  /** Hands over and confirms it; with `stayDown` what handed over stays a backup until `restore`. */
  async handover(names: readonly string[], stayDown: boolean): Promise<readonly HandoverOutcome[]> {
    const outcomes = await this.vrrp.handover(names, stayDown);
    // Where nobody took over the virtual router stays active, and there is nothing to keep down.
    const kept = this.#withGroups(
      outcomes.filter(({ outcome }) => outcome === 'kept').map(({ name }) => name),
    );
    if (kept.length > 0) this.vrrp.tell({ type: 'restore', names: kept });
    const down = outcomes.filter(({ name, outcome }) => outcome !== 'unknown-name' && !kept.includes(name));
    if (stayDown) {
      const routers = this.#config?.virtualRouters ?? [];
      this.#standby.add(routers.filter((router) => down.some(({ name }) => name === router.name)));
    }
    return outcomes;
  }

  /**
   * Ends what `handover` began: for these virtual routers and those of their sync groups, or for all. Returns the
   * names that were kept down.
   */
  restore(names: readonly string[]): readonly string[] {
    const restored = this.#standby.remove(this.#withGroups(names));
    this.vrrp.tell({ type: 'restore', names });
    return restored;
  }

  status(): {
    readonly arbiter: ArbiterStatus | undefined;
    readonly fencing: FencerStatus | undefined;
    readonly sync: ConnectionSyncStatus | undefined;
  } {
    return {
      arbiter: this.#leases.status,
      fencing: this.#fencer?.fencer.status,
      sync: this.#config?.ipvs.sync && this.#sync.status,
    };
  }

  /** What is looked at, and who is told. */
  activity(): ActivityStatus {
    return {
      trackers: this.#book.activity,
      notify: this.#notify.status,
      mail: this.#config?.mail && this.#mailer.counts,
    };
  }

  /** Make before break, and then everything else. */
  async stop(notifyLimit: Milliseconds): Promise<void> {
    await this.vrrp.stop();
    this.#book.close();
    this.#fencer?.fencer.close();
    this.#sync.stop();
    await Promise.all([this.#leases.close(), this.#notify.flush(notifyLimit), this.#localRefusal.close()]);
    await this.#recording?.close();
  }

  known(): ReturnType<VrrpPartner['known']> {
    const verdicts = [...this.#book.verdicts, ...this.#services.values()];
    return { verdicts, standby: this.#standby.names, leases: this.#leases.held };
  }

  onRouter(status: RouterStatus): void {
    this.#notify.routerState(status);
    this.#followSync(status);
    this.#onRouters();
  }

  onGroup(status: GroupStatus): void {
    this.#notify.groupState(status);
  }

  onRival({ name, outcome }: Parameters<VrrpPartner['onRival']>[0]): void {
    // Switches and clouds may have taken the loser's side: whoever moves addresses there must do it again.
    if (outcome === 'won') this.#notify.repeat(name);
  }

  onBegin(): void {
    this.#leases.doubt();
  }

  onTakenIn(): void {
    this.#leases.settle();
  }

  onLeaseWanted({ unit, wanted }: Parameters<VrrpPartner['onLeaseWanted']>[0]): void {
    this.#leases.want(unit, wanted);
  }

  onFence({ id, unit, peer }: Parameters<VrrpPartner['onFence']>[0]): void {
    const fencing = this.#fencer?.fencer.fence(peer);
    const gone = { done: false, reason: 'fencing is not configured any more' };
    void Promise.resolve(fencing ?? gone).then(({ done, reason }) => {
      this.#log(done ? 'warn' : 'error', `fencing for ${unit}: ${done ? 'done' : 'failed'}: ${reason}`, {
        unit,
        peer,
      });
      this.vrrp.tell({ type: 'fenced', id, done, reason });
    });
  }

  onSettingChanged({ path, was, set }: ChangedSetting): void {
    this.#onSettingChanged({ path, was, set });
  }

  onRecorded(lines: readonly string[]): void {
    this.#recording?.write(lines);
  }

  /** Those who are told of quorums from now on have not heard of what is known already; others hear nothing twice. */
  #repeatQuorums({ virtualServers }: Config): void {
    for (const { name, quorum } of virtualServers) {
      const assessment = this.#facts.assessment(name);
      const { state } = assessment;
      if (state !== 'unknown') this.#notify.quorum({ ...assessment, state, name, weight: quorum.weight });
    }
  }

  #withGroups(names: readonly string[]): readonly string[] {
    return withGroups(names, this.#config?.syncGroups ?? []);
  }

  #configureFencer({ fencing }: Config): void {
    const definition = JSON.stringify(fencing);
    if (this.#fencer?.definition === definition) return;
    this.#fencer?.fencer.close();
    this.#fencer = undefined;
    if (fencing === undefined) return;
    const fencer = new Fencer({ fencing, run: runProgram, log: this.#log });
    this.#fencer = { fencer, definition };
    void fencer.check();
  }

  /** What it follows may be another virtual router now, whose state will not be told again. */
  #configureSync({ ipvs }: Config): void {
    for (const status of this.vrrp.statuses) this.#followSync(status);
    this.#sync.configure(ipvs.sync);
  }

  /** The sync daemon follows one virtual router: the configured one, or the first. */
  #followSync({ name, state, started }: RouterStatus): void {
    const follow = this.#config?.ipvs.sync?.follow ?? this.#config?.virtualRouters[0]?.name;
    if (name === follow && started) this.#sync.state(state === 'active');
  }
}

/** Of those that somebody tracks: the vrrp process has nothing to do with a thousand others. */
function servicesOf(config: Config, facts: ServiceFacts): Map<string, TrackVerdict> {
  const { virtualRouters, syncGroups, virtualServers } = config;
  const uses = [...virtualRouters, ...syncGroups].flatMap(({ track }) => track);
  const names = new Set(uses.flatMap(({ kind, name }) => (kind === 'service' ? [name] : [])));
  const tracked = names.size === 0 ? [] : virtualServers.filter(({ name }) => names.has(name));
  return new Map(serviceVerdicts(tracked, facts).map((verdict) => [trackKey(verdict), verdict]));
}
