/** Numbers that addresses, routes and rules share (linux/rtnetlink.h). */
import type { Scope } from '../../model/routes.ts';

/** RT_SCOPE_*: /etc/iproute2/rt_scopes has the same names. */
const SCOPES = { global: 0, site: 200, link: 253, host: 254 } as const;

/** Throws RangeError for a number that is none. */
export function scopeNumber(scope: Scope): number {
  const number = typeof scope === 'number' ? scope : SCOPES[scope];
  if (!Number.isInteger(number) || number < 0 || number > 255) throw new RangeError(`scope ${scope}`);
  return number;
}

/** The word for it, where there is one. */
export function scopeOf(number: number): Scope {
  for (const [name, value] of Object.entries(SCOPES))
    if (value === number) return name as keyof typeof SCOPES;
  return number;
}

/**
 * Who made a route or a rule: as routing daemons do, we mark ours, so that they are recognised after a crash and
 * nobody else's is ever touched. `ip route` and `ip rule` print it as `proto 112`: nobody else has that number in
 * linux/rtnetlink.h or in iproute2's rt_protos, and it is VRRP's own among the protocols of IP. (keepalived's is 18.)
 */
export const RTPROT_VIPWARD = 112;

export const RT_TABLE_MAIN = 254;
