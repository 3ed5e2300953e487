/** The flags of a virtual server in the kernel's table: IP_VS_SVC_F_* of linux/ip_vs.h. */
import type { SchedulerFlag } from './virtual-server.ts';

export const SERVICE_FLAG = {
  persistent: 0x1,
  /** The kernel's own note that the entry is in its hash: cannot be asked for, and is not compared. */
  hashed: 0x2,
  onePacket: 0x4,
} as const;

/** IP_VS_SVC_F_SCHED*: three bits that each scheduler reads in its own way; flag-N is the bare bit. */
export const SCHEDULER_FLAG_BITS: Readonly<Record<SchedulerFlag, number>> = {
  'sh-fallback': 0x8,
  'sh-port': 0x10,
  'mh-fallback': 0x8,
  'mh-port': 0x10,
  'flag-1': 0x8,
  'flag-2': 0x10,
  'flag-3': 0x20,
};

/** What the kernel is told of a virtual server by its flags. */
export interface FlagSettings {
  readonly schedulerFlags: readonly SchedulerFlag[];
  /** Anything but undefined: persistent. */
  readonly persistence: object | undefined;
  readonly onePacket: boolean;
}

/** `TableSettings.flags` for a definition. */
export const serviceFlags = ({ schedulerFlags, persistence, onePacket }: FlagSettings): number =>
  schedulerFlags.reduce(
    (flags, flag) => flags | SCHEDULER_FLAG_BITS[flag],
    (persistence === undefined ? 0 : SERVICE_FLAG.persistent) | (onePacket ? SERVICE_FLAG.onePacket : 0),
  );

/**
 * The scheduler flags among `flags`, under the names of this scheduler where it has them (sh and mh), as flag-1..3
 * where it has none. In the order of the bits.
 */
export function schedulerFlagNames(scheduler: string, flags: number): readonly SchedulerFlag[] {
  const named = (flag: 'fallback' | 'port', bare: SchedulerFlag): SchedulerFlag =>
    scheduler === 'sh' || scheduler === 'mh' ? `${scheduler}-${flag}` : bare;
  const names = [named('fallback', 'flag-1'), named('port', 'flag-2'), 'flag-3'] as const;
  return names.filter((name) => (flags & SCHEDULER_FLAG_BITS[name]) !== 0);
}
