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
const STAGE_COUNT = LAST + 1;

/**
 * The same orders, each member's own in their order, but stage by stage: first all adverts, then all addresses, then
 * all announcements. So none waits for all that another one does, and what is alike can be done with one system call.
 */
export function inStages(orders: readonly Order[]): readonly Order[] {
  /** Which place the last order of each member has. */
  const places = new Map<InstanceKey | undefined, number>();
  const byPlace: Order[][] = [];
  for (const order of orders) {
    const member = memberOf(order);
    const place = placeAfter(places.get(member) ?? 0, stageOf(order));
    places.set(member, place);
    const same = byPlace[place];
    if (same) same.push(order);
    else byPlace[place] = [order];
  }
  // The places between are holes, which `flat` leaves out.
  return places.size < 2 ? orders : byPlace.flat();
}

/** What belongs to an earlier stage than the order before it waits for the next round of all stages. */
function placeAfter(last: number, stage: number): number {
  const round = last - (last % STAGE_COUNT);
  return round + stage < last ? round + STAGE_COUNT + stage : round + stage;
}

/** Those of whole units are a queue of their own. */
const memberOf = (order: Order): InstanceKey | undefined => ('key' in order ? order.key : undefined);

const stageOf = (order: Order): number =>
  order.order === 'act' ? (STAGES[order.action.action] ?? LAST) : LAST;
