/** Short ways to say what the VRRP tests say often. */
import { type IpAddress, type Prefix, parseAddress } from '../../../src/model/address.ts';
import { centiseconds, type Instant, instant, milliseconds } from '../../../src/model/units.ts';
import type { AnnouncePolicy, VirtualAddress } from '../../../src/model/virtual-router.ts';
import type { Action } from '../../../src/vrrp/action.ts';
import {
  type Event,
  initialState,
  type Parameters,
  type State,
  type Step,
  step,
} from '../../../src/vrrp/machine.ts';

export function ip(text: string): IpAddress {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

export const prefix = (text: string, length = 24): Prefix => ({ address: ip(text), length });

export const VIP = prefix('10.1.1.254');

/** Five at once and five more after 5 s, as keepalived does. */
export const ANNOUNCE: AnnouncePolicy = {
  count: 5,
  spacing: milliseconds(100),
  delay: milliseconds(5000),
  delayedCount: 5,
  refresh: milliseconds(0),
  addressSpacing: milliseconds(0),
};

export const parametersOf = (changes: Partial<Parameters> = {}): Parameters => ({
  vrid: 51,
  version: 3,
  family: 'ipv4',
  priority: 100,
  advertInterval: centiseconds(100),
  downAdverts: 3,
  preempt: true,
  preemptDelay: milliseconds(0),
  startupDelay: milliseconds(0),
  addresses: [VIP],
  announce: ANNOUNCE,
  source: ip('10.1.1.11'),
  room: 255,
  asks: false,
  standby: false,
  exclusive: false,
  ...changes,
});

export const advert = (
  priority: number,
  source = '10.1.1.12',
  maxAdvertiseInterval = 100,
): Extract<Event, { event: 'advert' }> => ({
  event: 'advert',
  source: ip(source),
  local: ip('10.1.1.11'),
  decidesTies: true,
  advertisement: {
    version: 3,
    vrid: 51,
    priority,
    maxAdvertiseInterval: centiseconds(maxAdvertiseInterval),
    addresses: [VIP.address],
  },
});

export const START = instant(1000);
export const at = (milliseconds: number): Instant => instant(START + milliseconds);

/** Plays events, each with its time after START, and gives the last step. */
export function play(
  parameters: Parameters,
  events: readonly (readonly [time: number, event: Event])[],
  from: State = initialState(START),
): Step {
  return events.reduce<Step>(({ state }, [time, event]) => step(state, event, at(time), parameters), {
    state: from,
    actions: [],
  });
}

/** The actions in one line: what a golden test compares. */
export const brief = (actions: readonly Action[]): string => actions.map(briefAction).join(', ');

function briefAction(action: Action): string {
  switch (action.action) {
    case 'send-advert':
      return `advert ${action.priority}`;
    case 'install-addresses':
      return `install ${texts(action.addresses)} for ${action.lifetime}s`;
    case 'renew-addresses':
      return `renew ${texts(action.addresses)} for ${action.lifetime}s`;
    case 'remove-addresses':
      return `remove ${texts(action.addresses)}`;
    case 'send-presence':
      return action.asks ? 'request' : 'presence';
    case 'announce':
      return `announce ${texts(action.addresses)}`;
    case 'install-routes':
      return 'routes';
    case 'remove-routes':
      return 'no routes';
    case 'ask-leave':
      return 'ask leave';
    case 'rival':
      return `${action.outcome} against ${lastByte(action.address)} of ${action.priority}`;
    case 'report':
      return `${action.from}>${action.to}`;
    default:
      return action satisfies never;
  }
}

const lastByte = (address: IpAddress): string => `.${address.split('.')[3] ?? address}`;
const texts = (addresses: readonly VirtualAddress[]): string =>
  addresses.map(({ address }) => lastByte(address)).join('+');
