/** What a definition makes of an entry's settings, and what its scheduler makes of weight 0. */
import type { ConfiguredVirtualServer } from '../model/config.ts';
import type { TableKey, TableSettings } from '../model/ipvs-table.ts';
import { SCHEDULER_FLAG_BITS, serviceFlags } from '../model/service-flags.ts';
import { familyOfKey } from './entry.ts';

export function settingsOf(virtualServer: ConfiguredVirtualServer, key: TableKey): TableSettings {
  const { scheduler, persistence } = virtualServer;
  const ipv4 = familyOfKey(key) === 'ipv4';
  return {
    scheduler,
    flags: serviceFlags(virtualServer),
    timeout: persistence?.timeout ?? 0,
    granularity: ipv4 ? (persistence?.ipv4Prefix ?? 32) : (persistence?.ipv6Prefix ?? 128),
    engine: persistence?.engine ?? '',
  };
}

/**
 * Whether clients that the scheduler's hash gives to a real server of weight 0 are refused instead of being given to
 * another one: sh and mh without their fallback flag, dh always (ip_vs_sh.c, ip_vs_mh.c, ip_vs_dh.c).
 */
export function refusesAtWeight0({
  scheduler,
  schedulerFlags,
}: Pick<ConfiguredVirtualServer, 'scheduler' | 'schedulerFlags'>): boolean {
  switch (scheduler) {
    case 'dh':
      return true;
    case 'sh':
    case 'mh':
      return !schedulerFlags.some((flag) => SCHEDULER_FLAG_BITS[flag] === SCHEDULER_FLAG_BITS['flag-1']);
    default:
      return false;
  }
}

/** Whether the kernel's result depends on the order in which real servers were added (ip_vs_mh.c). */
export const isOrdered = ({ scheduler }: { readonly scheduler: string }): boolean => scheduler === 'mh';
