/** Who is at the other end of a unix socket, by the kernel's word (SO_PEERCRED, unix(7)). */
import type { Socket } from 'node:net';
import { check, libc, SOL_SOCKET } from './libc.ts';

const SO_PEERCRED = 17;
/** struct ucred: pid, uid and gid, 32 bits each. */
const CREDENTIALS_SIZE = 12;
const UID_OFFSET = 4;

/**
 * The user as whom the peer connected, by number; undefined where there is no such socket any more. In another user
 * namespace it is the overflow user, 65534. Throws SystemError.
 */
export function peerUid(socket: Socket): number | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  const credentials = new Uint8Array(CREDENTIALS_SIZE);
  const length = Uint32Array.of(CREDENTIALS_SIZE);
  const room = new Uint8Array(length.buffer);
  check(libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, room), 'getsockopt', 'SO_PEERCRED');
  return new DataView(credentials.buffer).getUint32(UID_OFFSET, true);
}

/** Node hands it out in no other way. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: unknown } | null };
  const fd = handle?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}
