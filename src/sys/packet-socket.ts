import type { MacAddress } from '../model/address.ts';
import { ERRNO, SystemError } from './errors.ts';
import { AF_PACKET, closeDescriptor, openSocket, SOCK_DGRAM, sendTo } from './libc.ts';

/** Sends frames on one interface; hears nothing. */
export interface PacketSocket {
  /** Sends `payload`; the kernel writes the frame's header. Throws SystemError: ENETDOWN, ENXIO and the like. */
  send(payload: Uint8Array, destination: MacAddress): void;
  close(): void;
}

/** Opens a socket for frames of one EtherType on the interface of this index; throws SystemError. */
export function openPacketSocket(etherType: number, interfaceIndex: number): PacketSocket {
  const what = `packet socket on interface ${interfaceIndex}`;
  // Protocol 0: nothing is ever queued, which a socket that nobody reads would otherwise fill up with.
  const fd = openSocket(AF_PACKET, SOCK_DGRAM, 0, what);
  const address = linkAddress(etherType, interfaceIndex);
  let closed = false;
  return {
    send(payload, destination) {
      if (closed) throw new SystemError('sendto', ERRNO.EBADF, what);
      address.set(
        destination.split(':').map((byte) => Number.parseInt(byte, 16)),
        12,
      );
      if (sendTo(fd, payload, address, what) < 0) throw new SystemError('sendto', ERRNO.EAGAIN, what);
    },
    close() {
      if (closed) return;
      closed = true;
      closeDescriptor(fd);
    },
  };
}

/** struct sockaddr_ll (packet(7)): family, EtherType in network order, index, type, kind, length, eight bytes. */
function linkAddress(etherType: number, interfaceIndex: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, etherType);
  view.setInt32(4, interfaceIndex, true);
  view.setUint8(11, 6);
  return bytes;
}
