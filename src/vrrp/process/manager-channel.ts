import { type Log, type ManagerToVrrp, MESSAGE_VERSION, type VrrpToManager } from '../../model/messages.ts';

/** The IPC channel to the manager, which started this process. */
export interface ManagerChannel {
  send(message: VrrpToManager): void;
  /** By way of the manager: this process never waits for a disk, and has no other place to write to. */
  readonly log: Log;
  /** Sends what is still queued, then lets go of the channel. */
  close(): void;
}

/** `onGone`: the manager died, or closed the channel. */
export function openManagerChannel(
  onMessage: (message: ManagerToVrrp) => void,
  onGone: () => void,
): ManagerChannel {
  const send = (message: VrrpToManager): void => {
    if (process.connected !== true) return;
    // An error means that the manager is gone, which 'disconnect' tells.
    process.send?.({ ...message, v: MESSAGE_VERSION }, undefined, undefined, () => undefined);
  };
  const log: Log = (level, message, fields = {}) => send({ type: 'log', level, message, fields });
  process.on('message', (message: ManagerToVrrp & { readonly v?: number }) => {
    if (message.v === MESSAGE_VERSION) onMessage(message);
    else
      log('error', `vrrp process: a message of version ${message.v} was refused`, { want: MESSAGE_VERSION });
  });
  process.once('disconnect', onGone);
  return {
    send,
    log,
    close() {
      process.removeListener('disconnect', onGone);
      if (process.connected === true) process.disconnect();
    },
  };
}
