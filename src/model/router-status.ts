/** How a virtual router stands, as the vrrp process tells it and `status` shows it. */
import type { IpAddress } from './address.ts';

/** The states of RFC 9568 section 6.4. */
export type RouterState = 'initialize' | 'backup' | 'active';
/** The words that people and keepalived's scripts know. STOP: it was told to end, and takes no part any more. */
export type RouterWord = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP';

/** The one table between the two vocabularies; an initialize that was told to end is STOP, see `routerWord`. */
export const ROUTER_WORD: { readonly [state in RouterState]: RouterWord } = {
  initialize: 'FAULT',
  backup: 'BACKUP',
  active: 'MASTER',
};

export interface RouterStatus {
  readonly name: string;
  readonly interface: string;
  readonly vrid: number;
  readonly priority: number;
  readonly state: RouterState;
  /** Whether it takes part in the protocol: false before its start and after its end. */
  readonly started: boolean;
  /** Whether it is handing over: no longer advertising, still holding its addresses until the successor speaks. */
  readonly releasing: boolean;
  /** When it came to this state: milliseconds since 1970, for people. */
  readonly since: number;
  /** Why it is in this state, in words: `no advert for 3.609 s`, `interface eth0 is down`. */
  readonly reason: string;
  /** The active router's address: our own when active, the last one heard when backup. */
  readonly activeRouter: { readonly address: IpAddress; readonly priority: number } | undefined;
  readonly addresses: readonly string[];
  readonly counters: RouterCounters;
}

/** Counts since the vrrp process started. */
export interface RouterCounters {
  readonly advertsSent: number;
  readonly advertsReceived: number;
  readonly becameActive: number;
  /** Received and refused, by the reason of the receive check that refused. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Times that somebody else removed an address and it was put back. */
  readonly addressesRestored: number;
  readonly sendErrors: number;
}

export const routerWord = ({ state, started }: Pick<RouterStatus, 'state' | 'started'>): RouterWord =>
  started ? ROUTER_WORD[state] : 'STOP';
