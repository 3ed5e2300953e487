/** What `vipward status` shows, put together from all who know a part of it. */
import type { StatusDocument } from '../model/status.ts';
import { endedByFailover } from '../prepare/survival.ts';
import { monotonicNow } from '../sys/clock.ts';
import { readVersion } from '../version.ts';
import type { Balancer } from './balancer.ts';
import type { ConfigurationInForce } from './configuration-in-force.ts';
import { damagedFiles } from './damaged.ts';
import type { Failover } from './failover.ts';
import { guardStatus } from './guard-status.ts';
import { offLinkProblems } from './off-link.ts';
import type { PacketRulesKeeper } from './packet-rules.ts';
import type { Preparation } from './preparation.ts';

export interface StatusSources {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly stateDir: string;
  readonly inForce: ConfigurationInForce;
  readonly failover: Failover;
  readonly balancer: Balancer;
  readonly preparation: Preparation;
  readonly packetRules: PacketRulesKeeper;
}

export async function statusDocument(sources: StatusSources): Promise<StatusDocument> {
  const { startedAt, stateDir, inForce, failover, balancer, preparation, packetRules } = sources;
  const virtualRouters = await failover.vrrp.query();
  const { config } = inForce;
  return {
    director: config.director.name,
    version: readVersion(),
    pid: process.pid,
    startedAt,
    at: Date.now(),
    configuration: inForce.status,
    processes: [
      { name: 'manager', pid: process.pid, state: 'running', restarts: 0 },
      failover.vrrp.child.status,
      balancer.process,
    ],
    virtualRouters,
    syncGroups: failover.vrrp.groups,
    guards: guardStatus(failover.status(), monotonicNow()),
    activity: failover.activity(),
    ...(await balancer.status()),
    preparation: {
      problems: [
        ...preparation.problems,
        ...packetRules.problems,
        ...offLinkProblems(config.virtualServers),
        ...endedByFailover(config).map(({ what, breaks, mend }) => `${what}: ${breaks} (${mend})`),
      ],
    },
    damagedFiles: damagedFiles(stateDir),
  };
}
