/** What a simulation is set up with, and what is done to it: plain data, made by `scenario.ts` from a seed. */
import type { VrrpNetwork } from '../../src/model/messages.ts';
import type { VirtualRouter } from '../../src/model/virtual-router.ts';

/** One director and its machine. Directors are counted from 0 and called a, b, c … */
export interface DirectorSetting {
  readonly routers: readonly VirtualRouter[];
  readonly groups: VrrpNetwork['groups'];
  /** The last byte of its address on each network. */
  readonly hosts: readonly number[];
  /** How fast its monotonic clock runs, near 1, and where it starts. */
  readonly clockRate: number;
  readonly clockStart: number;
}

export interface Setting {
  readonly seed: number;
  readonly directors: readonly DirectorSetting[];
  /** Networks: `eth0`, `eth1` … on every director. */
  readonly networks: number;
  /** Of every packet, in milliseconds. */
  readonly delay: { readonly least: number; readonly most: number };
  readonly arbiter: VrrpNetwork['arbiter'];
  /** Time to live of the arbiter's lease, in milliseconds. */
  readonly ttl: number;
  readonly fencing: VrrpNetwork['fencing'];
  readonly faults: readonly Fault[];
  /** Whether the arbiter alone fails, and from when on. */
  readonly etcdFailsAt: number | undefined;
  /** When the last fault is over, in milliseconds. */
  readonly calmAt: number;
}

/** What stops with a stop: the vrrp process, all of vipward, or the machine with its kernel. */
export type Extent = 'vrrp' | 'all' | 'machine';

export type Fault = { readonly at: number } & (
  | { readonly fault: 'kill'; readonly director: number; readonly extent: Extent }
  | { readonly fault: 'start'; readonly director: number }
  | { readonly fault: 'stop'; readonly director: number }
  | { readonly fault: 'pause'; readonly director: number; readonly extent: Extent }
  /** `jump`: whether the clock of a machine that stood still tells so. */
  | { readonly fault: 'continue'; readonly director: number; readonly jump: boolean }
  | { readonly fault: 'cut' | 'heal'; readonly network: number; readonly from: number; readonly to: number }
  /** Everything between the two sides, on all networks. */
  | { readonly fault: 'partition'; readonly side: readonly number[] }
  | { readonly fault: 'heal-all' }
  | { readonly fault: 'loss'; readonly network: number; readonly rate: number }
  | { readonly fault: 'duplicates'; readonly network: number; readonly rate: number }
  /** Some packets come later by up to this, and so out of order. */
  | { readonly fault: 'jitter'; readonly network: number; readonly most: number }
  | { readonly fault: 'link'; readonly director: number; readonly network: number; readonly up: boolean }
  | { readonly fault: 'track'; readonly director: number; readonly name: string; readonly up: boolean }
  | { readonly fault: 'reload'; readonly director: number; readonly priority: number }
  | { readonly fault: 'handover'; readonly director: number; readonly stayDown: boolean }
  | { readonly fault: 'restore'; readonly director: number }
  /** Somebody removes the VIPs. */
  | { readonly fault: 'remove-addresses'; readonly director: number }
  /** Timers come late by up to this. */
  | { readonly fault: 'busy'; readonly director: number; readonly most: number }
  | { readonly fault: 'etcd'; readonly up: boolean }
  | { readonly fault: 'etcd-of'; readonly director: number; readonly up: boolean }
  | { readonly fault: 'fence-agent'; readonly does: 'kill' | 'fail' | 'hang' }
);

export const nameOf = (director: number): string => String.fromCharCode(97 + director);
