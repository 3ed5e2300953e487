/** The kernel's table as definitions fill it. */
import { entryOf } from '../../src/balance/entry.ts';
import type { ConfiguredVirtualServer } from '../../src/model/config.ts';
import type { ActualTable } from '../../src/model/ipvs-table.ts';

/** Every real server in place with weight 1, and no connections. */
export const tableOf = ({ entries, realServers }: ConfiguredVirtualServer): ActualTable =>
  entries.map((key) => ({
    key,
    settings: { scheduler: 'wlc', flags: 0, timeout: 0, granularity: 32, engine: '' },
    realServers: realServers.map((server) => ({
      ...entryOf(key, server, 1),
      connections: { active: 0, inactive: 0, persistent: 0 },
    })),
  }));
