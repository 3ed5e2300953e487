/** Short ways to say what the VRRP tests say often. */
import { type IpAddress, type Prefix, parseAddress } from '../../../src/model/address.ts';
import { centiseconds, type Instant, instant } from '../../../src/model/units.ts';
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

export const parametersOf = (changes: Partial<Parameters> = {}): Parameters => ({
  vrid: 51,
  priority: 100,
  advertInterval: centiseconds(100),
  preempt: true,
  addresses: [VIP],
  source: ip('10.1.1.11'),
  ...changes,
});

export const advert = (
  priority: number,
  source = '10.1.1.12',
  maxAdvertiseInterval = 100,
): Extract<Event, { event: 'advert' }> => ({
  event: 'advert',
  source: ip(source),
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
    case 'announce':
      return `announce ${action.addresses.map(lastByte).join('+')}`;
    case 'report':
      return `${action.from}>${action.to}`;
    default:
      return action satisfies never;
  }
}

const lastByte = (address: IpAddress): string => `.${address.split('.')[3] ?? address}`;
const texts = (addresses: readonly Prefix[]): string =>
  addresses.map(({ address }) => lastByte(address)).join('+');
