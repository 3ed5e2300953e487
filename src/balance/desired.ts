/**
 * What the kernel's table should hold: a pure function of the configuration, the health, the operator's overrides and
 * the table itself.
 *
 *   standings (health, overrides) ─▶ quorum ─▶ sorry servers' phase ─▶ real servers and sorry servers of each entry
 */
import type { ConfiguredSorryServer, ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type DesiredRealServer,
  type DesiredTable,
  type DesiredVirtualServer,
  realServerKey,
  type TableKey,
  type TableRealServer,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { OverrideOf } from '../model/override.ts';
import { atOnce, eachOf, type Steps } from '../model/steps.ts';
import type { Instant } from '../model/units.ts';
import { entryOf, sorryEntry, takesPart } from './entry.ts';
import { PresentTable, sumOf } from './present.ts';
import { assess, nextQuorum, type QuorumState } from './quorum.ts';
import { isOrdered, refusesAtWeight0, settingsOf } from './settings.ts';
import { nextSorryPhase, SORRY_IDLE, type SorryPhase } from './sorry.ts';
import { type HealthOf, healthOfServer, type Standing, standingsOf } from './standing.ts';

export type { HealthOf } from './standing.ts';

/** What decides beside the configuration. */
export interface BalanceFacts {
  readonly healthOf: HealthOf;
  readonly overrideOf: OverrideOf;
  /** The state of a definition's quorum before, by its name. */
  readonly quorumBefore: (name: string) => QuorumState;
}

export interface Desired {
  readonly table: DesiredTable;
  /** The phase of the sorry servers of each entry, by its key: to be handed in again the next time. */
  readonly sorry: ReadonlyMap<string, SorryPhase>;
}

export const desiredTable = (...given: Parameters<typeof desiredTableSteps>): Desired =>
  atOnce(desiredTableSteps(...given));

export function* desiredTableSteps(
  virtualServers: readonly ConfiguredVirtualServer[],
  facts: BalanceFacts,
  actual: ActualTable,
  sorry: ReadonlyMap<string, SorryPhase>,
  now: Instant,
): Steps<Desired> {
  const present = yield* PresentTable.inSteps(actual);
  const phases = new Map<string, SorryPhase>();
  const table: DesiredVirtualServer[] = [];
  let count = 0;
  for (const virtualServer of virtualServers) {
    const standings = yield* standingsOf(virtualServer, facts.healthOf, facts.overrideOf, present);
    const pool: Pool = { virtualServer, standings, isLost: isLost(virtualServer, standings, facts), present };
    yield* eachOf(virtualServer.entries, (key) => {
      const name = tableKeyText(key);
      const { realServers, phase } = serversAt(pool, key, facts, sorry.get(name) ?? SORRY_IDLE, now);
      phases.set(name, phase);
      table.push({ key, settings: settingsOf(virtualServer, key), realServers });
    });
    if (++count % FEW_DEFINITIONS === 0) yield;
  }
  return { table, sorry: phases };
}

/** Definitions that are thought over between two rests, each with its real servers. */
const FEW_DEFINITIONS = 128;

/** A definition as it stands, for all of its entries. */
interface Pool {
  readonly virtualServer: ConfiguredVirtualServer;
  readonly standings: readonly Standing[];
  readonly isLost: boolean;
  readonly present: PresentTable;
}

/** Where checks do not tell yet, what stands in the table decides. */
function isLost(
  virtualServer: ConfiguredVirtualServer,
  standings: readonly Standing[],
  { healthOf, overrideOf, quorumBefore }: BalanceFacts,
): boolean {
  const { state } = assess(virtualServer, healthOf, quorumBefore(virtualServer.name), overrideOf);
  if (state !== 'unknown') return state === 'lost';
  const weights = standings.map(({ healthy, weight }) => (healthy === true ? weight : 0));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return nextQuorum('unknown', sum, 0, virtualServer.quorum) === 'lost';
}

function serversAt(
  pool: Pool,
  key: TableKey,
  facts: BalanceFacts,
  before: SorryPhase,
  now: Instant,
): { readonly realServers: readonly DesiredRealServer[]; readonly phase: SorryPhase } {
  const { virtualServer, present } = pool;
  const standings = pool.standings.filter(({ server }) => takesPart(virtualServer, key, server));
  const canServe = standings.some(takesTraffic);
  const rest = canServe ? [] : leftovers(pool, key, standings);
  const all = virtualServer.sorryServers.filter((sorry) => takesPart(virtualServer, key, sorry));
  const usable = usableSorryServers(pool, key, all, facts.healthOf, canServe || rest.length > 0);
  const isMissing = pool.isLost || (standings.length < pool.standings.length && isDeserted(standings));
  const called = isMissing && rest.length === 0 && usable.length > 0;
  const held = all.flatMap((sorry) => present.realServer(key, nameOf(key, sorry))?.connections ?? []);
  const sorryFacts = {
    called,
    connections: sumOf(held),
    refusesAtWeight0: refusesAtWeight0(virtualServer),
  };
  const phase = nextSorryPhase(before, sorryFacts, now);
  const real = standings.flatMap((standing) => realServerAt(virtualServer, key, standing, called));
  const standIns = sorryServersAt(pool, key, phase, all, usable);
  if (rest.length + standIns.length === 0) return { realServers: real, phase };
  return { realServers: withoutTwins([...rest, ...real, ...standIns]), phase };
}

/**
 * What is the same server to the kernel can be there only once: as the one that takes traffic. So a sorry server that
 * still drains does not stop the real server that it is too.
 */
function withoutTwins(servers: readonly DesiredRealServer[]): readonly DesiredRealServer[] {
  const byName = new Map<string, DesiredRealServer>();
  for (const server of servers) {
    const name = realServerKey(server);
    const twin = byName.get(name);
    if (twin === undefined || twin.weight < server.weight) byName.set(name, server);
  }
  return [...byName.values()];
}

/**
 * Of the two families of a definition one may have lost all its real servers, while those of the other keep the quorum:
 * no client of the one can be given to them.
 */
const isDeserted = (ofFamily: readonly Standing[]): boolean =>
  ofFamily.every(({ healthy, weight }) => healthy === false || weight === 0);

const takesTraffic = ({ healthy, weight, out }: Standing): boolean => healthy === true && weight > 0 && !out;

/** As that of real servers, the order is the same on every director. */
const byKey = (a: TableRealServer, b: TableRealServer): number =>
  realServerKey(a) < realServerKey(b) ? -1 : 1;

const nameOf = (key: TableKey, sorry: ConfiguredSorryServer): string =>
  realServerKey(sorryEntry(key, sorry, 0));

function realServerAt(
  virtualServer: ConfiguredVirtualServer,
  key: TableKey,
  { server, weight, healthy, out }: Standing,
  called: boolean,
): readonly DesiredRealServer[] {
  const stays = healthy === true && !out && !called;
  if (!stays && !staysWithWeight0(virtualServer, out, called)) return [];
  const entry = entryOf(key, server, stays ? weight : 0);
  return [isOrdered(virtualServer) ? { ...entry, fullWeight: server.weight } : entry];
}

/**
 * What does not serve is out of the table, or in it with weight 0 where the definition says so. Behind mh it stays even
 * when it is taken out by command, since every removal moves other clients' buckets too. While the sorry servers are
 * called it must go where its clients would be refused instead of being given to them.
 */
function staysWithWeight0(virtualServer: ConfiguredVirtualServer, out: boolean, called: boolean): boolean {
  if (called && refusesAtWeight0(virtualServer)) return false;
  return out ? isOrdered(virtualServer) : virtualServer.onFailure === 'drain';
}

/**
 * When real servers are exchanged for others that nobody knows yet, the old ones go on serving until the first results
 * are in. In the order in which they were added (the kernel lists the newest first), and ahead of the others: behind mh
 * they would have to be added anew otherwise.
 */
function leftovers(pool: Pool, key: TableKey, standings: readonly Standing[]): readonly DesiredRealServer[] {
  const awaited = standings.some(({ checked, weight, out }) => !checked && weight > 0 && !out);
  if (!awaited) return [];
  const own = new Set(standings.map(({ server }) => realServerKey(entryOf(key, server, 0))));
  for (const sorry of pool.virtualServer.sorryServers) own.add(nameOf(key, sorry));
  return [...pool.present.realServers(key)]
    .filter(([name, { weight }]) => weight > 0 && !own.has(name))
    .map(([, { connections: _, ...server }]) => server)
    .reverse();
}

/**
 * Those that are healthy, or serve already and have not been checked yet. One that nobody knows anything of is used
 * only where nobody else could serve.
 */
function usableSorryServers(
  { virtualServer, present }: Pool,
  key: TableKey,
  sorryServers: readonly ConfiguredSorryServer[],
  healthOf: HealthOf,
  othersServe: boolean,
): readonly ConfiguredSorryServer[] {
  const health = sorryServers.map((sorry) => ({
    sorry,
    healthy:
      healthOfServer(virtualServer, sorry, healthOf) ??
      ((present.realServer(key, nameOf(key, sorry))?.weight ?? 0) > 0 ? true : undefined),
  }));
  const good = health.filter(({ healthy }) => healthy === true);
  const chosen =
    good.length > 0 || othersServe ? good : health.filter(({ healthy }) => healthy === undefined);
  return chosen.map(({ sorry }) => sorry);
}

function sorryServersAt(
  { present }: Pool,
  key: TableKey,
  { phase }: SorryPhase,
  all: readonly ConfiguredSorryServer[],
  usable: readonly ConfiguredSorryServer[],
): readonly TableRealServer[] {
  switch (phase) {
    case 'idle':
      return [];
    case 'in-use':
      return usable.map((sorry) => sorryEntry(key, sorry, 1)).sort(byKey);
    case 'draining':
      // One that is not there has nothing to finish.
      return all
        .filter((sorry) => present.realServer(key, nameOf(key, sorry)) !== undefined)
        .map((sorry) => sorryEntry(key, sorry, 0))
        .sort(byKey);
    default:
      return phase satisfies never;
  }
}
