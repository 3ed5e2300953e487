/** How packets to a real server by tun are wrapped (IPVS_DEST_ATTR_TUN_*). */
import { PLAIN_TUNNEL, type Tunnel } from '../../model/virtual-server.ts';
import type { Attributes } from '../attribute.ts';
import type { AttributeWriter } from '../attribute-writer.ts';
import type { Fault } from '../reader.ts';
import { DEST_ATTR } from './numbers.ts';

/** IP_VS_CONN_F_TUNNEL_TYPE_*, by their numbers. */
const KINDS: readonly Tunnel['kind'][] = ['ipip', 'gue', 'gre'];
/** IP_VS_TUNNEL_ENCAP_FLAG_*: bits of which one at most is meant to be set. */
const CHECKSUM_FLAGS: Readonly<Record<Tunnel['checksum'], number>> = { none: 0, plain: 1, remote: 2 };

export function writeTunnel(destination: AttributeWriter, { kind, port, checksum }: Tunnel): void {
  destination.u8(DEST_ATTR.tunnelType, KINDS.indexOf(kind));
  destination.u16be(DEST_ATTR.tunnelPort, port);
  destination.u16(DEST_ATTR.tunnelFlags, CHECKSUM_FLAGS[checksum]);
}

/** undefined for PLAIN_TUNNEL, and where the kernel knows no other. */
export function readTunnel(destination: Attributes, fault: Fault): Tunnel | undefined {
  if (!destination.has(DEST_ATTR.tunnelType)) return undefined;
  const number = destination.u8(DEST_ATTR.tunnelType);
  const kind = KINDS[number];
  if (kind === undefined) {
    fault.report(`tunnel type ${number}`);
    return undefined;
  }
  if (kind === PLAIN_TUNNEL.kind) return undefined;
  const flags = destination.has(DEST_ATTR.tunnelFlags) ? destination.u16(DEST_ATTR.tunnelFlags) : 0;
  return { kind, port: destination.u16be(DEST_ATTR.tunnelPort), checksum: checksumOf(flags) };
}

function checksumOf(flags: number): Tunnel['checksum'] {
  if ((flags & CHECKSUM_FLAGS.remote) !== 0) return 'remote';
  return (flags & CHECKSUM_FLAGS.plain) !== 0 ? 'plain' : 'none';
}
