/**
 * What can happen to a director, and what it orders. Plain data without functions, so that a recording of the events
 * can be replayed through the same code (`vipward run --record`).
 */
import type { Family, IpAddress, Prefix } from '../../model/address.ts';
import type { ManagerToVrrp, VrrpNetwork } from '../../model/messages.ts';
import type { HandoverOutcome } from '../../model/router-status.ts';
import type { TrackVerdict } from '../../model/tracking.ts';
import type { VirtualAddress } from '../../model/virtual-router.ts';
import type { Action } from '../action.ts';
import type { Advertisement } from '../advertisement.ts';

/** A virtual router in one family: its interface, VRID and family, which never change while it runs. */
export type InstanceKey = string;

export const instanceKey = (interfaceName: string, vrid: number, family: Family): InstanceKey =>
  `${interfaceName} ${vrid} ${family}`;

/** How the links of an instance stand. */
export interface Condition {
  /** Why it cannot take part, in words; undefined when nothing is in the way. */
  readonly obstacle: string | undefined;
  /** Its primary address; undefined while it has none. */
  readonly source: IpAddress | undefined;
  /** How many addresses an advert has room for. */
  readonly room: number;
}

export type DirectorEvent =
  | {
      readonly type: 'configure';
      readonly network: Pick<VrrpNetwork, 'routers' | 'groups' | 'arbiter' | 'fencing'>;
      /** Of every instance that is new; others keep theirs. */
      readonly conditions: Readonly<Record<InstanceKey, Condition>>;
      /** Keys of instances that a dead predecessor held active and whose addresses are all there. */
      readonly resume: readonly InstanceKey[];
      /** Names of virtual routers. */
      readonly standby: readonly string[];
    }
  | { readonly type: 'condition'; readonly key: InstanceKey; readonly condition: Condition }
  | {
      readonly type: 'advert';
      readonly key: InstanceKey;
      /** Which of the heartbeat paths it came by: 0 is the virtual router's own interface. */
      readonly path: number;
      readonly source: IpAddress;
      /** Our own address on that path. */
      readonly local: IpAddress;
      readonly advertisement: Advertisement;
    }
  /** A backup answered an advert of ours, or asks us to let go. */
  | {
      readonly type: 'presence';
      readonly key: InstanceKey;
      /** Which of the heartbeat paths it came by: a director has another address on each. */
      readonly path: number;
      readonly source: IpAddress;
      readonly priority: number;
      readonly asks: boolean;
    }
  | { readonly type: 'verdicts'; readonly verdicts: readonly TrackVerdict[] }
  | {
      readonly type: 'addresses-lost';
      readonly key: InstanceKey;
      readonly addresses: readonly Prefix[];
    }
  /** Addresses are on their links although it does not hold them. */
  | {
      readonly type: 'addresses-found';
      readonly key: InstanceKey;
      readonly addresses: readonly VirtualAddress[];
    }
  /** Somebody else answers for one of its addresses. */
  | { readonly type: 'claim'; readonly key: InstanceKey; readonly address: IpAddress; readonly mac: string }
  /** As the manager says it. */
  | Extract<ManagerToVrrp, { type: 'lease' | 'fenced' | 'handover' | 'restore' }>
  /** Hand over everything and end. */
  | { readonly type: 'stop'; readonly reason: string }
  /** Drop everything and end. */
  | { readonly type: 'abandon'; readonly reason: string }
  /** The time has come that `nextDeadline` named, long ago: to be told before waiting packets are read. */
  | { readonly type: 'stalls' }
  /** The time has come that `nextDeadline` named. */
  | { readonly type: 'timer' };

export type Order =
  | { readonly order: 'act'; readonly key: InstanceKey; readonly action: Action }
  /** Ask the network who has these addresses; whoever answers is told as `claim`. */
  | { readonly order: 'probe'; readonly key: InstanceKey; readonly addresses: readonly VirtualAddress[] }
  | { readonly order: 'lease'; readonly unit: string; readonly wanted: boolean }
  | {
      readonly order: 'fence';
      readonly id: number;
      readonly unit: string;
      readonly peer: IpAddress | undefined;
    }
  | { readonly order: 'handed-over'; readonly id: number; readonly outcomes: readonly HandoverOutcome[] }
  /** A line for people. */
  | {
      readonly order: 'tell';
      readonly level: 'info' | 'warn';
      readonly router: string;
      readonly message: string;
    };
