/** The daemon that synchronises connections between directors, which linux/ip_vs.h calls sync daemon. */
import { addressFromBytes, addressToBytes, familyOf, type IpAddress } from '../../model/address.ts';
import { Attributes } from '../attribute.ts';
import { GENERIC_HEADER, genericPayload } from '../generic.ts';
import { type Malformed, Reader } from '../reader.ts';
import { CMD, CMD_ATTR, DAEMON_ATTR, IPVS_GENL_VERSION } from './numbers.ts';

/** `master` sends the connections of this director, `backup` takes in those of others. Both may run side by side. */
export type DaemonRole = 'master' | 'backup';

/** As `ipvsadm --start-daemon` takes it. */
export interface DaemonSpec {
  readonly role: DaemonRole;
  /** Name of the link that it multicasts on. */
  readonly interface: string;
  /** 0 to 255. A backup takes in only what has its own; with 0, which no configuration of ours may have, anything. */
  readonly syncId: number;
  /** Bytes of a datagram's payload: 1 to 65507; from the link's MTU unless given. */
  readonly maxLength?: number;
  /** 224.0.0.81 unless given. */
  readonly group?: IpAddress;
  /** 8848 unless given. */
  readonly port?: number;
  /** TTL or hop limit, 1 to 255: 1 unless given. */
  readonly ttl?: number;
}

/** As the kernel tells it: with all that it chose itself. */
export type SyncDaemon = Required<DaemonSpec>;

// IP_VS_STATE_*
const ROLES: Readonly<Record<DaemonRole, number>> = { master: 1, backup: 2 };

/** For a dump of the daemons that run: two at most. */
export const encodeGetDaemons = (): Uint8Array => genericPayload(CMD.getDaemon, IPVS_GENL_VERSION).finish();

/** Throws RangeError for what the kernel would not take, or would take for something else. */
export function encodeNewDaemon(spec: DaemonSpec): Uint8Array {
  checkWhole('sync id', spec.syncId, 0, 255);
  return genericPayload(CMD.newDaemon, IPVS_GENL_VERSION)
    .nested(CMD_ATTR.daemon, (daemon) => {
      daemon.u32(DAEMON_ATTR.state, ROLES[spec.role]);
      daemon.string(DAEMON_ATTR.interface, spec.interface);
      daemon.u32(DAEMON_ATTR.syncId, spec.syncId);
      const { maxLength, group, port, ttl } = spec;
      if (maxLength !== undefined)
        daemon.u16(DAEMON_ATTR.maxLength, checkWhole('length', maxLength, 1, 65507));
      if (group !== undefined)
        daemon.attribute(
          familyOf(group) === 'ipv4' ? DAEMON_ATTR.group : DAEMON_ATTR.group6,
          addressToBytes(group),
        );
      // In host order, unlike the ports of virtual servers.
      if (port !== undefined) daemon.u16(DAEMON_ATTR.port, checkWhole('port', port, 1, 65535));
      if (ttl !== undefined) daemon.u8(DAEMON_ATTR.ttl, checkWhole('TTL', ttl, 1, 255));
    })
    .finish();
}

/** The kernel looks at the role alone: a daemon of another id ends as well. */
export const encodeRemoveDaemon = (role: DaemonRole): Uint8Array =>
  genericPayload(CMD.delDaemon, IPVS_GENL_VERSION)
    .nested(CMD_ATTR.daemon, (daemon) => daemon.u32(DAEMON_ATTR.state, ROLES[role]))
    .finish();

function checkWhole(what: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${what} ${value} is not ${least} to ${most}`);
  return value;
}

/** The daemon of an answer to IPVS_CMD_GET_DAEMON. What a kernel before 4.3 does not tell is 0. */
export function decodeDaemon(payload: Uint8Array): SyncDaemon | Malformed {
  const reader = new Reader(payload, 'sync daemon');
  reader.skip(GENERIC_HEADER);
  const daemon = Attributes.from(reader).nested(CMD_ATTR.daemon);
  const state = daemon.u32(DAEMON_ATTR.state);
  if (state !== ROLES.master && state !== ROLES.backup) reader.fault.report(`state ${state}`);
  return reader.finish({
    role: state === ROLES.backup ? 'backup' : 'master',
    interface: daemon.string(DAEMON_ATTR.interface),
    syncId: daemon.u32(DAEMON_ATTR.syncId),
    maxLength: daemon.has(DAEMON_ATTR.maxLength) ? daemon.u16(DAEMON_ATTR.maxLength) : 0,
    group: readGroup(daemon),
    port: daemon.has(DAEMON_ATTR.port) ? daemon.u16(DAEMON_ATTR.port) : 0,
    ttl: daemon.has(DAEMON_ATTR.ttl) ? daemon.u8(DAEMON_ATTR.ttl) : 0,
  });
}

function readGroup(daemon: Attributes): IpAddress {
  if (daemon.has(DAEMON_ATTR.group6)) return addressFromBytes(daemon.bytes(DAEMON_ATTR.group6, 16));
  return addressFromBytes(
    daemon.has(DAEMON_ATTR.group) ? daemon.bytes(DAEMON_ATTR.group, 4) : new Uint8Array(4),
  );
}
