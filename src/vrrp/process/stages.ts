/** Pure: the order in which many members that are due in the same moment do what they must. */
import type { Action } from '../action.ts';
import type { InstanceKey, Order } from '../director/event.ts';

/** Stages of a take-over, as each member goes through them; whatever is not named here comes last. */
const STAGES: readonly (readonly Action['action'][])[] = [
  ['send-advert', 'send-presence'],
  ['remove-routes', 'remove-addresses'],
  ['install-addresses'],
  ['renew-addresses'],
  ['install-routes'],
  ['announce'],
];

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
    for (let stage = 0; stage <= STAGES.length; stage++) {
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

function stageOf(order: Order): number {
  if (order.order !== 'act') return STAGES.length;
  const { action } = order.action;
  const stage = STAGES.findIndex((actions) => actions.includes(action));
  return stage < 0 ? STAGES.length : stage;
}
