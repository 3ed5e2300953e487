/** Who asks over the control socket: the kernel knows it, so nobody can pass for another. */
import type { Socket } from 'node:net';
import { peerUid } from '../sys/peer-credentials.ts';
import { userName } from '../sys/user-name.ts';

const ROOT = 0;

export class Callers {
  readonly #uids = new WeakMap<Socket, number>();

  /** To be told of each connection when it is made: one that hangs up early must not stay unknown. Never throws. */
  connected(socket: Socket): void {
    try {
      const uid = peerUid(socket);
      if (uid !== undefined) this.#uids.set(socket, uid);
    } catch {
      // Then it has no name.
    }
  }

  /**
   * The name of the user as whom the client connected: `ada`, or `uid 1234` where /etc/passwd has none. Root may say
   * for whom it does something (`sudoUser`): `ada by sudo`. Of anybody else that is not believed. Never throws.
   */
  nameOf(socket: Socket, sudoUser: string | undefined): string {
    const uid = this.#uids.get(socket);
    if (uid === undefined) return 'unknown';
    const name = userName(uid) ?? `uid ${uid}`;
    const isForAnother = uid === ROOT && sudoUser !== undefined && sudoUser !== '' && sudoUser !== name;
    return isForAnother ? `${sudoUser} by sudo` : name;
  }
}
