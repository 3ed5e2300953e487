import { isSystemError } from './errors.ts';
import { SOL_SOCKET, setOption } from './libc.ts';

// <asm-generic/socket.h>: with the limits of net.core.{r,w}mem_max, and beyond them.
const OPTIONS = {
  receive: { limited: 8, forced: 33, name: 'SO_RCVBUF' },
  send: { limited: 7, forced: 32, name: 'SO_SNDBUF' },
} as const;

/**
 * Sets how many bytes the kernel may queue, which it doubles: beyond the system's limit where CAP_NET_ADMIN allows it,
 * up to it otherwise, as in a container that has the right over its own network namespace only. Throws SystemError.
 */
export function setBuffer(fd: number, direction: keyof typeof OPTIONS, size: number): void {
  const { limited, forced, name } = OPTIONS[direction];
  try {
    setOption(fd, SOL_SOCKET, forced, size, `${name}FORCE`);
  } catch (error) {
    if (!isSystemError(error, 'EPERM')) throw error;
    setOption(fd, SOL_SOCKET, limited, size, name);
  }
}
