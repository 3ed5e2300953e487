/** Counters of virtual servers and real servers (IPVS_STATS_ATTR_*). */
import type { Statistics } from '../../model/ipvs-table.ts';
import type { Attributes } from '../attribute.ts';
import { STATS_ATTR } from './numbers.ts';

/** The entry's attributes that hold its counters: `narrow` of every kernel, `wide` since Linux 4.1. */
export interface StatisticsTypes {
  readonly narrow: number;
  readonly wide: number;
}

/** The counters in 64 bits where the kernel gives them, else those that begin anew at 2^32. */
export function readStatistics(entry: Attributes, { narrow, wide }: StatisticsTypes): Statistics {
  const hasWide = entry.has(wide);
  const counters = entry.nested(hasWide ? wide : narrow);
  const count = (type: number): number => (hasWide ? counters.u64(type) : counters.u32(type));
  return {
    total: {
      connections: count(STATS_ATTR.connections),
      incomingPackets: count(STATS_ATTR.incomingPackets),
      outgoingPackets: count(STATS_ATTR.outgoingPackets),
      incomingBytes: counters.u64(STATS_ATTR.incomingBytes),
      outgoingBytes: counters.u64(STATS_ATTR.outgoingBytes),
    },
    perSecond: {
      connections: count(STATS_ATTR.connectionsPerSecond),
      incomingPackets: count(STATS_ATTR.incomingPacketsPerSecond),
      outgoingPackets: count(STATS_ATTR.outgoingPacketsPerSecond),
      incomingBytes: count(STATS_ATTR.incomingBytesPerSecond),
      outgoingBytes: count(STATS_ATTR.outgoingBytesPerSecond),
    },
  };
}
