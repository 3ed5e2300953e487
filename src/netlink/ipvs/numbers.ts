/** The numbers of linux/ip_vs.h, under the kernel's own names: the generic netlink family `IPVS`. */

export const IPVS_GENL_NAME = 'IPVS';
export const IPVS_GENL_VERSION = 1;

/** IPVS_CMD_* */
export const CMD = {
  newService: 1,
  setService: 2,
  delService: 3,
  getService: 4,
  newDest: 5,
  setDest: 6,
  delDest: 7,
  getDest: 8,
  newDaemon: 9,
  delDaemon: 10,
  getDaemon: 11,
  setConfig: 12,
  getConfig: 13,
  setInfo: 14,
  getInfo: 15,
  zero: 16,
  flush: 17,
} as const;

/** IPVS_CMD_ATTR_*: the outermost attributes. */
export const CMD_ATTR = {
  service: 1,
  dest: 2,
  daemon: 3,
  timeoutTcp: 4,
  timeoutTcpFin: 5,
  timeoutUdp: 6,
} as const;

/** IPVS_SVC_ATTR_* */
export const SVC_ATTR = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  mark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
  stats: 10,
  engine: 11,
  stats64: 12,
} as const;

/** IPVS_DEST_ATTR_*; 13 and 14 since Linux 5.3, 15 since 5.4. */
export const DEST_ATTR = {
  address: 1,
  port: 2,
  forwarding: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  active: 7,
  inactive: 8,
  persistent: 9,
  stats: 10,
  family: 11,
  stats64: 12,
  tunnelType: 13,
  tunnelPort: 14,
  tunnelFlags: 15,
} as const;

/** IPVS_DAEMON_ATTR_*; 4 to 8 since Linux 4.3. */
export const DAEMON_ATTR = {
  state: 1,
  interface: 2,
  syncId: 3,
  maxLength: 4,
  group: 5,
  group6: 6,
  port: 7,
  ttl: 8,
} as const;

/** IPVS_STATS_ATTR_*, of the same types in `stats` (32 bits but for bytes) and `stats64` (Linux 4.1, all 64 bits). */
export const STATS_ATTR = {
  connections: 1,
  incomingPackets: 2,
  outgoingPackets: 3,
  incomingBytes: 4,
  outgoingBytes: 5,
  connectionsPerSecond: 6,
  incomingPacketsPerSecond: 7,
  outgoingPacketsPerSecond: 8,
  incomingBytesPerSecond: 9,
  outgoingBytesPerSecond: 10,
} as const;

/** IPVS_INFO_ATTR_* */
export const INFO_ATTR = { version: 1, connectionTableSize: 2 } as const;
