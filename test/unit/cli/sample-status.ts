/** A status with a bit of everything, for the tests of the formatters; times count back from `NOW`. */
import type { IpAddress } from '../../../src/model/address.ts';
import type { Health } from '../../../src/model/check.ts';
import type { RouterStatus } from '../../../src/model/router-status.ts';
import type { RealServerStatus, StatusDocument, VirtualServerStatus } from '../../../src/model/status.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { counters, routerStatus } from '../../support/virtual-router.ts';

export const NOW = Date.UTC(2026, 10, 21, 3, 0, 0);
export const ago = (seconds: number): number => NOW - seconds * 1000;

export const router = (changes: Partial<RouterStatus> = {}): RouterStatus => ({
  ...routerStatus('active'),
  since: ago(192),
  reason: 'no advert for 3.609 s',
  explanation: 'sends adverts with priority 150',
  activeRouter: { address: '10.1.1.11' as IpAddress, priority: 150 },
  addresses: ['10.1.1.254/24'],
  counters: { ...counters, advertsSent: 192, advertsReceived: 7, becameActive: 1 },
  ...changes,
});

export const up: Health = {
  healthy: true,
  against: 0,
  last: { good: true, code: 'L7OK', text: 'status 200', duration: milliseconds(3.4), at: ago(2) },
};
export const down: Health = {
  healthy: false,
  against: 0,
  last: {
    good: false,
    code: 'L4TOUT',
    text: 'connect timed out after 1s',
    duration: milliseconds(1001),
    at: ago(1),
  },
};

export const realServer = (changes: Partial<RealServerStatus> = {}): RealServerStatus => ({
  server: '10.1.1.2:80',
  weight: 2,
  tableWeight: 2,
  upperThreshold: 0,
  lowerThreshold: 0,
  override: undefined,
  inTable: true,
  health: up,
  connections: { active: 12, inactive: 103, persistent: 0 },
  ...changes,
});

export const virtualServer = (changes: Partial<VirtualServerStatus> = {}): VirtualServerStatus => ({
  name: 'web',
  entries: ['tcp 10.1.1.254:80'],
  scheduler: 'wrr',
  forwarding: 'dr',
  checks: 'running',
  quorum: { state: 'gained', healthy: 2, weight: 1, hysteresis: 0 },
  digest: '99b2c3d4e5f6'.padEnd(64, '0'),
  realServers: [
    realServer(),
    realServer({
      server: '10.1.1.3:80',
      weight: 1,
      tableWeight: undefined,
      inTable: false,
      health: down,
      connections: undefined,
    }),
  ],
  sorryServers: [{ server: '127.0.0.1:80', state: 'idle', health: undefined, connections: undefined }],
  ...changes,
});

export const sampleStatus = (changes: Partial<StatusDocument> = {}): StatusDocument => ({
  director: 'lvs1',
  version: '0.1.0',
  pid: 812,
  startedAt: ago(277_200),
  at: NOW,
  configuration: {
    file: '/etc/vipward/vipward.yaml',
    loadedAt: ago(125),
    digest: '1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809',
    shared: '5e6f'.padEnd(64, '0'),
    refused: undefined,
  },
  processes: [
    { name: 'manager', pid: 812, state: 'running', restarts: 0 },
    { name: 'vrrp', pid: 813, state: 'running', restarts: 0 },
    { name: 'checker', pid: 990, state: 'running', restarts: 1 },
  ],
  virtualRouters: [router()],
  syncGroups: [],
  guards: { arbiter: undefined, fencing: undefined, sync: undefined },
  activity: { trackers: [], notify: [], mail: undefined },
  preparation: { problems: [] },
  damagedFiles: [],
  virtualServers: [virtualServer()],
  overrides: [],
  table: {
    unavailable: undefined,
    verifiedAt: ago(3),
    repairs: 0,
    lastRepair: undefined,
    refused: [],
    digest: '0a1b2c3d4e5f'.padEnd(64, '0'),
    foreign: [],
  },
  ...changes,
});
