/** How long the kernel remembers connections: one set for the whole table. */
import { Attributes } from '../attribute.ts';
import { GENERIC_HEADER, genericPayload } from '../generic.ts';
import { type Malformed, Reader } from '../reader.ts';
import { CMD, CMD_ATTR, IPVS_GENL_VERSION } from './numbers.ts';

/** In seconds, as `ipvsadm --set` has them. */
export interface ConnectionTimeouts {
  /** Of an idle TCP connection. */
  readonly tcp: number;
  /** Of one of which a FIN was seen. */
  readonly tcpFin: number;
  readonly udp: number;
}

export const encodeGetTimeouts = (): Uint8Array => genericPayload(CMD.getConfig, IPVS_GENL_VERSION).finish();

/**
 * What is absent or 0 stays as it is. Throws RangeError for what is no whole number; the kernel refuses more than
 * 2^31 / HZ with EINVAL.
 */
export function encodeSetTimeouts({ tcp = 0, tcpFin = 0, udp = 0 }: Partial<ConnectionTimeouts>): Uint8Array {
  return genericPayload(CMD.setConfig, IPVS_GENL_VERSION)
    .u32(CMD_ATTR.timeoutTcp, tcp)
    .u32(CMD_ATTR.timeoutTcpFin, tcpFin)
    .u32(CMD_ATTR.timeoutUdp, udp)
    .finish();
}

/** Of the answer to IPVS_CMD_GET_CONFIG. A kernel that is built without a protocol does not tell its time-outs: 0. */
export function decodeTimeouts(payload: Uint8Array): ConnectionTimeouts | Malformed {
  const reader = new Reader(payload, 'connection time-outs');
  reader.skip(GENERIC_HEADER);
  const attributes = Attributes.from(reader);
  const seconds = (type: number): number => (attributes.has(type) ? attributes.u32(type) : 0);
  return reader.finish({
    tcp: seconds(CMD_ATTR.timeoutTcp),
    tcpFin: seconds(CMD_ATTR.timeoutTcpFin),
    udp: seconds(CMD_ATTR.timeoutUdp),
  });
}
