/** The rule from results to health; pure. */
import type { Check, CheckResult, Health } from '../model/check.ts';

/**
 * The health after one more result. The first result ever counts alone; later, `fall` bad ones in a row turn a healthy
 * target and `rise` good ones an unhealthy one, and a result that agrees starts the count anew. A CHKERR says nothing
 * of the real server: it is shown as the last result and counts neither way, since a checker that runs out of
 * descriptors must not empty every virtual server.
 */
export function applyResult(
  health: Health,
  result: CheckResult,
  check: Pick<Check, 'rise' | 'fall'>,
): Health {
  if (result.code === 'CHKERR') return { ...health, last: result };
  if (health.healthy === undefined || health.healthy === result.good) {
    return { healthy: result.good, against: 0, last: result };
  }
  const against = health.against + 1;
  const enough = against >= (result.good ? check.rise : check.fall);
  return enough
    ? { healthy: result.good, against: 0, last: result }
    : { healthy: health.healthy, against, last: result };
}

/** Whether people or the manager would see a difference: times alone are none. */
export const isNews = (before: Health, now: Health): boolean =>
  before.healthy !== now.healthy ||
  before.against !== now.against ||
  before.last?.code !== now.last?.code ||
  before.last?.text !== now.last?.text;
