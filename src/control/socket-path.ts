/** The control socket as a file: where it is, how long its name may be, and whether a daemon is behind it. */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../sys/directory.ts';
import { SOCKET_NAME } from './api.ts';

/** sun_path of struct sockaddr_un (linux/un.h) without its closing zero; Linux would cut a longer name silently. */
const MAX_SOCKET_PATH = 107;

/** Of the daemon with this directory. */
export const socketPath = (runtimeDir: string): string => join(runtimeDir, SOCKET_NAME);

/** Throws an error that says what to do when `path` is too long for a unix socket. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= MAX_SOCKET_PATH) return;
  throw new Error(
    `the control socket's path has ${length} bytes and Linux takes ${MAX_SOCKET_PATH}: choose a shorter --runtime-dir (${path})`,
  );
}

/**
 * Makes room for a new socket at `path`: its directory exists afterwards, and a socket that a dead daemon left
 * behind is gone. Throws when a daemon answers there, or when something other than a socket is in the way.
 */
export async function claimSocketPath(path: string): Promise<void> {
  checkSocketPath(path);
  makeDirectory(dirname(path));
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new Error(`${path} is in the way and is no socket: move it, or choose another --runtime-dir`);
  if (await answers(path))
    throw new Error(`another vipward answers on ${path}: stop it, or give this one its own --runtime-dir`);
  unlinkSync(path);
}

/** Whether somebody listens on the socket. The kernel refuses at once when its owner is dead. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') return resolve(false);
      // A full backlog is a daemon too, a busy one.
      if (error.code === 'EAGAIN') return resolve(true);
      reject(
        new Error(`cannot tell whether a daemon answers on ${path}: ${error.message}`, { cause: error }),
      );
    });
  });
}
