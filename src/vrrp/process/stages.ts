/** Pure: the order in which many members that are due in the same moment do what they must. */
import type { Action } from '../action.ts';
import type { InstanceKey, Order } from '../director/event.ts';

/** Stages of a take-over, as each member goes through them; whatever is not named here comes last. */
const STAGES: Readonly<Partial<Record<Action['action'], number>>> = {
  'send-advert': 0,
  'send-presence': 0,
  'remove-routes': 1,
  'remove-addresses': 1,
  'install-addresses': 2,
  'renew-addresses': 3,
  'install-routes': 4,
  announce: 5,
};
const LAST = 6;

/**
 * The same orders, each member's own in their order, but stage by stage: first all adverts, then all addresses, then
 * all announcements. So none waits for all that another one does, and what is alike can be done with one system call.
 */
export function inStages(orders: readonly Order[]): readonly Order[] {
  const queues = [...Map.groupBy(orders, memberOf).values()];
  if (queues.length < 2) return orders;
  const staged: Order[] = [];
  const next = queues.map(() => 0);
  while (staged.length < orders.length) {
    for (let stage = 0; stage <= LAST; stage++) {
      queues.forEach((queue, i) => {
        let at = next[i] ?? 0;
        for (let order = queue[at]; order && stageOf(order) === stage; order = queue[at]) {
          staged.push(order);
          at++;
        }
        next[i] = at;
      });
    }
  }
  return staged;
}

/** Those of whole units are a queue of their own. */
const memberOf = (order: Order): InstanceKey | undefined => ('key' in order ? order.key : undefined);

const stageOf = (order: Order): number =>
  order.order === 'act' ? (STAGES[order.action.action] ?? LAST) : LAST;
