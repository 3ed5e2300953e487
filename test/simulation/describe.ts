/** Events, and what a director did, in short words: for people who read a replay. */
import type { IpAddress } from '../../src/model/address.ts';
import type { Action } from '../../src/vrrp/action.ts';
import type { DirectorEvent, Order } from '../../src/vrrp/director/event.ts';

export function describeEvent(event: DirectorEvent): string {
  switch (event.type) {
    case 'configure': {
      const routers = event.network.routers.map(({ name, priority }) => `${name}=${priority}`).join(' ');
      const resume = event.resume.length > 0 ? `, resume ${event.resume.join('; ')}` : '';
      const standby = event.standby.length > 0 ? `, standby ${event.standby.join(' ')}` : '';
      return `configure ${routers}${resume}${standby}`;
    }
    case 'condition':
      return `${event.key}: ${event.condition.obstacle ?? 'nothing in the way'}`;
    case 'advert':
      return `${event.key}: advert ${event.advertisement.priority} from ${event.source}${event.path > 0 ? ` on path ${event.path}` : ''}`;
    case 'presence':
      return `${event.key}: ${event.asks ? 'request' : 'presence'} ${event.priority} from ${event.source}`;
    case 'verdicts':
      return `verdicts ${event.verdicts.map(({ name, state }) => `${name} ${state}`).join(', ')}`;
    case 'addresses-lost':
      return `${event.key}: lost ${list(event.addresses)}`;
    case 'addresses-found':
      return `${event.key}: found ${list(event.addresses)}`;
    case 'claim':
      return `${event.key}: ${event.address} is claimed by ${event.mac}`;
    case 'lease':
      return `lease of ${event.unit}: ${event.heldUntil === undefined ? `not held${event.contended ? ', another has it' : ''}` : `until ${event.heldUntil.toFixed(1)}`}`;
    case 'fenced':
      return `fence ${event.id} ${event.done ? 'done' : `failed: ${event.reason}`}`;
    case 'handover':
      return `handover ${event.id}${event.stayDown ? ' --stay-down' : ''}`;
    case 'stop':
    case 'abandon':
      return `${event.type}: ${event.reason}`;
    case 'restore':
    case 'stalls':
    case 'timer':
      return event.type;
    default:
      return event satisfies never;
  }
}

export function describeOrder(order: Order): string {
  switch (order.order) {
    case 'act':
      return `${order.key}: ${describeAction(order.action)}`;
    case 'probe':
      return `${order.key}: probe`;
    case 'lease':
      return `lease of ${order.unit} ${order.wanted ? 'wanted' : 'given back'}`;
    case 'fence':
      return `fence ${order.id} against ${order.peer ?? 'nobody known'}`;
    case 'handed-over':
      return `handed over ${order.id}: ${order.outcomes.map(({ name, outcome }) => `${name} ${outcome}`).join(', ')}`;
    case 'tell':
      return `${order.level}: ${order.message}`;
    default:
      return order satisfies never;
  }
}

function describeAction(action: Action): string {
  switch (action.action) {
    case 'send-advert':
      return `sends advert ${action.priority}`;
    case 'send-presence':
      return action.asks ? 'asks to be active' : 'answers';
    case 'install-addresses':
      return `installs ${list(action.addresses)} for ${action.lifetime} s`;
    case 'renew-addresses':
      return `renews ${list(action.addresses)} for ${action.lifetime} s`;
    case 'remove-addresses':
      return `removes ${list(action.addresses)}`;
    case 'announce':
      return `announces ${list(action.addresses)}`;
    case 'rival':
      return `${action.outcome} against ${action.address} of priority ${action.priority}`;
    case 'report':
      return `${action.from} > ${action.to} (${action.reason})`;
    case 'install-routes':
    case 'remove-routes':
    case 'ask-leave':
      return action.action;
    default:
      return action satisfies never;
  }
}

const list = (addresses: readonly { readonly address: IpAddress }[]): string =>
  addresses.map(({ address }) => address).join(' ');
