/**
 * Takes up and gives up the role of a real server. Several roles of one host (a unit for each VIP) share settings and
 * links; the last that needs one puts back what was there before.
 */

import { formatPrefix } from '../model/address.ts';
import { SettingsLedger } from '../prepare/ledger.ts';
import { judge } from '../prepare/quiet.ts';
import {
  type HiddenAddress,
  type RealServerNeeds,
  type RealServerRole,
  realServerNeeds,
} from '../prepare/real-server.ts';
import { settingName } from '../prepare/setting.ts';
import type { Host } from './host.ts';
import { alone } from './lock.ts';
import { type RealServerState, readState, writeState } from './state.ts';

const FILTER = ['net', 'ipv4', 'conf', 'all', 'rp_filter'] as const;

type Roles = Readonly<Record<string, RealServerRole>>;

/** One line for each change, in words. */
export type Changes = readonly string[];

/**
 * Throws when the kernel refuses, another is at work, or another role takes one of its VIPs up in another way; what
 * was done so far is remembered, and put back by `stop`.
 */
export async function startRole(
  directory: string,
  name: string,
  role: RealServerRole,
  host: Host,
): Promise<Changes> {
  return alone(directory, async () => {
    const state = readState(directory);
    refuseOtherWay(name, role, state.roles);
    const roles = { ...state.roles, [name]: role };
    for (const module of needsOf(roles, state, host).modules) {
      const error = await host.loadModule(module.name);
      if (error !== undefined) throw new Error(`${error.message}: ${module.without}`, { cause: error });
    }
    return reconcile(directory, state, roles, host);
  });
}

/**
 * VIPs of a role that this host answers for all the same, in words: each is its own address, given by mistake; or is on
 * the wrong link; or it is the active director itself. Nothing is refused, since the last two must be able to start.
 */
export const answeredFor = ({ vips }: RealServerRole, host: Host): readonly string[] =>
  host.askedFor(vips).map(({ device, prefix }) => {
    const text = formatPrefix(prefix);
    return (
      `${text} is on ${device}, by which this host answers for it. Where that is its own address, and no VIP: ` +
      `vipward realserver stop --vip ${vips.join(' ')}, then start with the VIP. Where it is the VIP, and this host ` +
      `not the active director: ip addr del ${text} dev ${device}`
    );
  });

/** A VIP that comes in two ways would be on two links, of which one hides it and the other may not. */
function refuseOtherWay(name: string, role: RealServerRole, roles: Roles): void {
  for (const [other, { vips, forwarding, outer }] of Object.entries(roles)) {
    const shared = role.vips.find((vip) => vips.includes(vip));
    if (other === name || shared === undefined) continue;
    if (forwarding === role.forwarding && outer === role.outer) continue;
    const way = outer === 'as the VIP' ? forwarding : `${forwarding} --outer ${outer}`;
    throw new Error(
      `${shared} is taken up here already, by --forwarding ${way}: vipward realserver stop --vip ${other}, then again`,
    );
  }
}

/** undefined when there is no such role. */
export const stopRole = (directory: string, name: string, host: Host): Promise<Changes | undefined> =>
  alone(directory, () => {
    const state = readState(directory);
    const { [name]: gone, ...others } = state.roles;
    return gone === undefined ? undefined : reconcile(directory, state, others, host);
  });

/** What of the needs of the role is met, in words; undefined when there is no such role. */
export function checkRole(directory: string, name: string, host: Host): readonly RoleCheck[] | undefined {
  const state = readState(directory);
  const role = state.roles[name];
  return role === undefined ? undefined : checkNeeds(needsOf({ [name]: role }, state, host), host);
}

export interface RoleCheck {
  readonly what: string;
  readonly good: boolean;
}

/** The roles that were taken up, by name. */
export const listRoles = (directory: string): Roles => readState(directory).roles;

function needsOf(roles: Roles, state: RealServerState, host: Host): RealServerNeeds {
  const filter = new SettingsLedger(host.settings, state.settings).original(FILTER) ?? '0';
  return realServerNeeds(Object.values(roles), { links: host.links(), filter });
}

function checkNeeds(needs: RealServerNeeds, host: Host): readonly RoleCheck[] {
  const missing = new Set(host.missing(needs.addresses));
  return [
    ...needs.links.map(({ name }) => ({ what: `link ${name} up`, good: host.isUp(name) === true })),
    ...needs.addresses.map((address) => ({ what: addressText(address), good: !missing.has(address) })),
    ...judge(needs.settings, host.askedLinks(), host.settings.read).map(({ setting, held, good }) => ({
      what: `${settingName(setting.path)} ${setting.value} (is ${held})`,
      good,
    })),
  ];
}

function reconcile(directory: string, state: RealServerState, roles: Roles, host: Host): Changes {
  // A role that is given up is known until everything of it is undone: `stop` again goes on where it was ended.
  const work = new Work(directory, { ...state, roles: { ...state.roles, ...roles } }, host);
  const needs = needsOf(roles, state, host);
  // Once nothing is filtered by `all`, what a link has is what somebody wants.
  const kept = host.settings.read(FILTER) === '0' ? [] : needs.kept;
  // The kernel must be quiet before the address is there, and until it is gone.
  work.set([...kept, ...needs.settings]);
  for (const link of needs.links) work.setUp(link);
  work.add(needs.addresses);
  work.undoAllBut(needs);
  work.finish(roles);
  return work.changes;
}

/** Each change is remembered before it is made, so that whoever is killed in between leaves nothing unknown. */
class Work {
  readonly changes: string[] = [];
  readonly #directory: string;
  readonly #host: Host;
  readonly #ledger: SettingsLedger;
  #state: RealServerState;

  constructor(directory: string, state: RealServerState, host: Host) {
    this.#directory = directory;
    this.#host = host;
    this.#state = state;
    this.#ledger = new SettingsLedger(host.settings, state.settings);
    this.save();
  }

  save(): void {
    this.#state = { ...this.#state, settings: [...this.#ledger.changed] };
    writeState(this.#directory, this.#state);
  }

  finish(roles: Roles): void {
    this.#remember({ roles });
  }

  set(settings: RealServerNeeds['settings']): void {
    const unmet = settings.filter((setting) => !this.#ledger.isSatisfied(setting));
    if (unmet.length === 0) return;
    this.#ledger.intend(unmet);
    this.save();
    for (const setting of unmet) {
      const was = this.#host.settings.read(setting.path);
      const error = this.#ledger.set(setting);
      if (error !== undefined) throw new Error(`${error.message}: ${setting.without}`, { cause: error });
      this.changes.push(`${settingName(setting.path)}: ${was} → ${setting.value}`);
    }
  }

  setUp({ name, anyProtocol }: RealServerNeeds['links'][number]): void {
    if (anyProtocol && !this.#state.opened.includes(name)) {
      this.#remember({ opened: [...this.#state.opened, name] });
      this.#host.openTunnel(name, true);
      this.changes.push(`link ${name}: takes every protocol`);
    }
    if (this.#host.isUp(name) === true) return;
    // Where lo was down, others count on it as soon as it is up.
    if (name !== 'lo') this.#remember({ links: [...new Set([...this.#state.links, name])] });
    this.#host.setUp(name, true);
    this.changes.push(`link ${name}: up`);
  }

  add(addresses: readonly HiddenAddress[]): void {
    const missing = this.#host.missing(addresses);
    if (missing.length === 0) return;
    this.#remember({ addresses: distinctAddresses([...this.#state.addresses, ...missing]) });
    this.#host.add(missing);
    this.changes.push(...missing.map((address) => `add ${addressText(address)}`));
  }

  undoAllBut(needs: RealServerNeeds): void {
    const needed = new Set(needs.addresses.map(addressText));
    const gone = this.#state.addresses.filter((held) => !needed.has(addressText(held)));
    if (gone.length > 0) {
      this.#host.remove(gone);
      this.#remember({ addresses: this.#state.addresses.filter((held) => needed.has(addressText(held))) });
      this.changes.push(...gone.map((address) => `remove ${addressText(address)}`));
    }
    for (const name of this.#state.links.filter((link) => !needs.links.some((each) => each.name === link))) {
      if (this.#host.isUp(name) === true) this.#host.setUp(name, false);
      this.#remember({ links: this.#state.links.filter((each) => each !== name) });
      this.changes.push(`link ${name}: down`);
    }
    for (const name of this.#state.opened.filter(
      (link) => !needs.links.some((each) => each.name === link && each.anyProtocol),
    )) {
      if (this.#host.isUp(name) !== undefined) this.#host.openTunnel(name, false);
      this.#remember({ opened: this.#state.opened.filter((each) => each !== name) });
      this.changes.push(`link ${name}: takes IPv6 alone again`);
    }
    for (const change of this.#ledger.obsolete([...needs.settings, ...needs.kept]).toReversed()) {
      const outcome = this.#ledger.putBack(change);
      this.save();
      if (outcome instanceof Error) throw outcome;
      if (outcome === 'done') this.changes.push(`${settingName(change.path)}: ${change.set} → ${change.was}`);
    }
  }

  #remember(more: Partial<RealServerState>): void {
    this.#state = { ...this.#state, ...more };
    this.save();
  }
}

const distinctAddresses = (addresses: readonly HiddenAddress[]): HiddenAddress[] => [
  ...new Map(addresses.map((address) => [addressText(address), address])).values(),
];

const addressText = ({ device, prefix }: HiddenAddress): string =>
  `${prefix.address}/${prefix.length} on ${device}`;
