/**
 * Keeps the links as they should be for virtual routers: tells the director how they stand, has it put back what was
 * taken from an active router and remove what was put up on a backup, and moves addresses to another link where the
 * configuration wants that.
 */
import { familyOf, formatPrefix } from '../../model/address.ts';
import { reasonOf } from '../../model/reason.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import type { Director } from '../director/director.ts';
import type { DirectorEvent, InstanceKey } from '../director/event.ts';
import type { Member } from '../director/member.ts';
import type { Parts } from './parts.ts';
import { isSameRouting, mergedRouting, type Routing, type RoutingKernel, reroute } from './rerouting.ts';
import type { ThrottledLog } from './throttle.ts';
import { carrierOf } from './vmac.ts';

/** Found by looking at the links. */
export type Finding = Extract<DirectorEvent, { type: 'condition' | 'addresses-lost' | 'addresses-found' }>;

/** What it looks at, and whom it tells. */
export interface UpkeepContext {
  readonly director: Pick<Director, 'members'>;
  readonly parts: Pick<Parts, 'network' | 'vmacs' | 'holdings' | 'fixed' | 'post'>;
  readonly kernel: RoutingKernel;
  readonly complain: ThrottledLog;
  /** `new` before the first configuration, `ended` when nothing takes part any more. */
  readonly phase: () => 'new' | 'configured' | 'ended';
  /** The director decides, and that is carried out, within this call. */
  onFinding(finding: Finding): void;
}

const NO_ROUTING: Routing = { routes: [], rules: [] };

/** Of all links that virtual routers use. */
export class Upkeep {
  readonly #context: UpkeepContext;
  readonly #touched = new Set<string>();

  constructor(context: UpkeepContext) {
    this.#context = context;
  }

  /**
   * Something changed on this link, or ('') of our routes and rules. Notices come in bursts, of which only the end
   * matters: it is looked at once, when this turn has read them.
   */
  touch(name: string): void {
    if (name !== '' && !this.#context.parts.network.has(name)) return;
    if (this.#touched.size === 0) setImmediate(() => this.#refreshTouched());
    this.#touched.add(name);
  }

  /** Tells the director how the links stand that these names may have changed. */
  conditions(names: readonly string[]): void {
    const { director, parts, onFinding } = this.#context;
    for (const member of director.members()) {
      if (!parts.network.concerns(member.router, names)) continue;
      parts.post.lookAtPaths(member);
      const condition = parts.network.condition(member.router, member.family);
      if (JSON.stringify(condition) === JSON.stringify(member.condition)) continue;
      onFinding({ type: 'condition', key: member.key, condition });
    }
  }

  /** Whether all that it would hold is still there. */
  isIntact(router: VirtualRouter): boolean {
    return router.addresses.every(({ address, device }) => {
      const carrier = carrierOf({ router, family: familyOf(address) });
      const held = this.#context.parts.network.interfaceNamed(device ?? carrier)?.held;
      return held?.some(({ prefix }) => prefix.address === address);
    });
  }

  /** Which link carries the addresses of each instance that holds them. */
  carriers(): ReadonlyMap<InstanceKey, string> {
    const holding = [...this.#context.director.members()].filter(({ holds }) => holds);
    return new Map(holding.map((member) => [member.key, carrierOf(member)]));
  }

  /**
   * Where `vmac` has changed the addresses go over to another link: they are there before they leave the former one.
   * `before`: the `carriers` before the configuration.
   */
  moveOver(before: ReadonlyMap<InstanceKey, string>): void {
    const { director, parts, onFinding } = this.#context;
    for (const member of director.members()) {
      const former = before.get(member.key);
      if (former === undefined || !member.holds || former === carrierOf(member)) continue;
      const addresses = member.parameters.addresses.filter(({ device }) => device === undefined);
      parts.vmacs.setUp(member, true);
      onFinding({ type: 'addresses-lost', key: member.key, addresses });
      parts.network.interfaceNamed(former)?.remove(addresses);
    }
  }

  /** The routes and rules of each instance that holds them. */
  routings(): ReadonlyMap<InstanceKey, Routing> {
    const holding = [...this.#context.director.members()].filter(({ holds }) => holds);
    return new Map(holding.map(({ key, router: { routes, rules } }) => [key, { routes, rules }]));
  }

  /** Where those of an instance have changed. `before`: `routings` before the configuration. */
  reroute(before: ReadonlyMap<InstanceKey, Routing>, fixed: Routing): void {
    const { kernel, complain } = this.#context;
    const now = this.routings();
    const members = new Map([...this.#context.director.members()].map((member) => [member.key, member]));
    const changed = [...before].flatMap(([key, routing]) => {
      const router = members.get(key)?.router;
      return router !== undefined && isSameRouting(routing, router)
        ? []
        : [{ before: routing, after: now.get(key) ?? NO_ROUTING }];
    });
    if (changed.length === 0) return;
    reroute(kernel, {
      before: mergedRouting(changed.map((each) => each.before)),
      after: mergedRouting(changed.map(({ after }) => after)),
      kept: [fixed, ...now.values()],
      onRefused: (verb, error) => {
        const message = `virtual routers: cannot ${verb} a route or rule: ${reasonOf(error)}`;
        complain(`${verb} routes`, 'warn', message);
      },
    });
  }

  #refreshTouched(): void {
    const { director, parts, phase } = this.#context;
    const names = [...this.#touched];
    this.#touched.clear();
    if (phase() === 'ended') return;
    parts.vmacs.speakAgain(names);
    for (const name of names) parts.network.refresh(name);
    const holders = new Set([...director.members()].filter(({ holds }) => holds));
    if (phase() === 'configured') parts.vmacs.configure([...director.members()]);
    this.conditions(names);
    this.#restore(names, holders);
    parts.fixed.restore();
  }

  /**
   * Compares with what the links held when they were looked at, and who held addresses then, `holders`: what is missing
   * is put back by the rules. Whatever is decided meanwhile, as by one that finds that it stood still, has changed the
   * links of a member that has let go or taken over since: those are looked at again.
   */
  #restore(names: readonly string[], holders: ReadonlySet<Member>): void {
    const { director, parts, onFinding } = this.#context;
    for (const member of director.members()) {
      if (member.holds !== holders.has(member)) {
        for (const name of names) this.touch(name);
        continue;
      }
      if (member.state.name === 'backup') this.#removeForeign(member, names);
      if (!member.holds || member.condition.obstacle !== undefined) continue;
      if (names.includes('')) parts.holdings.installRoutes(member);
      if (!parts.network.concerns(member.router, names)) continue;
      const addresses = parts.holdings.missing(member);
      if (addresses.length === 0) continue;
      onFinding({ type: 'addresses-lost', key: member.key, addresses });
      if (!member.holds) continue;
      const list = addresses.map(formatPrefix).join(', ');
      this.#tell('restored', member, `${list} was gone from ${carrierOf(member)}: put back`);
    }
  }

  /** An address that somebody put up on a backup would have two owners answer for it. */
  #removeForeign(member: Member, names: readonly string[]): void {
    const { parts, onFinding } = this.#context;
    if (!parts.network.concerns(member.router, names)) return;
    const addresses = parts.holdings.present(member);
    if (addresses.length === 0) return;
    onFinding({ type: 'addresses-found', key: member.key, addresses });
    const list = addresses.map(formatPrefix).join(', ');
    this.#tell('removed', member, `${list} was put up by somebody else while we are backup: removed`);
  }

  #tell(what: string, { key, router: { name } }: Member, message: string): void {
    const text = `virtual router ${name}: ${message}`;
    this.#context.complain(`${what} ${key}`, 'warn', text, { virtualRouter: name });
  }
}
