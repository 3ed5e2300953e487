import { ERRNO, SystemError } from './errors.ts';
import { AF_UNIX, closeDescriptor, openSocket, SOCK_DGRAM, sendTo } from './libc.ts';

/** struct sockaddr_un: the family and a path of at most 108 bytes, of which the last is zero. */
const PATH_OFFSET = 2;
const PATH_MAX = 107;

/**
 * Tells the service manager how this process stands (sd_notify(3)): `READY=1`, `RELOADING=1\nMONOTONIC_USEC=…`,
 * `WATCHDOG=1`, `STATUS=…`. Does nothing outside a service (`$NOTIFY_SOCKET` unset). Throws SystemError when the
 * socket that is named there cannot be reached.
 */
export function sdNotify(text: string, socketPath = process.env.NOTIFY_SOCKET): void {
  if (socketPath === undefined || socketPath === '') return;
  const address = unixAddress(socketPath);
  const fd = openSocket(AF_UNIX, SOCK_DGRAM, 0, 'unix datagram');
  try {
    if (sendTo(fd, Buffer.from(text), address, socketPath) < 0)
      throw new SystemError('sendto', ERRNO.EAGAIN, socketPath);
  } finally {
    closeDescriptor(fd);
  }
}

function unixAddress(path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length > PATH_MAX)
    throw new RangeError(`NOTIFY_SOCKET is longer than ${PATH_MAX} bytes: ${path}`);
  // A leading @ stands for the zero byte of the abstract name space, whose names are as long as the length says.
  const abstract = path.startsWith('@');
  const address = new Uint8Array(PATH_OFFSET + bytes.length + (abstract ? 0 : 1));
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(bytes, PATH_OFFSET);
  if (abstract) address[PATH_OFFSET] = 0;
  return address;
}
