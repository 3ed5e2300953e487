/** What of a configuration must be the same on every director of a pair, as a digest to compare. */
import { createHash } from 'node:crypto';
import type { Config } from './config.ts';

/**
 * SHA-256 in hexadecimal, equal on two directors that differ only in what tells them apart: name, priorities, own
 * addresses and those of the peers, and whether either preempts. Secrets are in it, so that a wrong key shows.
 */
export function sharedDigest(config: Config): string {
  const digest = DIGESTS.get(config) ?? digestOf(config);
  DIGESTS.set(config, digest);
  return digest;
}

const DIGESTS = new WeakMap<Config, string>();

function digestOf(config: Config): string {
  const { director: _, virtualRouters, ...common } = config;
  const shared = {
    ...common,
    virtualRouters: virtualRouters.map(({ priority: _p, preempt: _q, preemptDelay: _d, ...router }) => ({
      ...router,
      heartbeat: router.heartbeat.map(({ interface: link, transport, port }) => ({ link, transport, port })),
    })),
  };
  return createHash('sha256').update(JSON.stringify(shared)).digest('hex');
}
