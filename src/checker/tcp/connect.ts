/** The first stage of every probe: a TCP connection. */
import { connect, type Socket } from 'node:net';
import { after, durationText, instant, milliseconds } from '../../model/units.ts';
import type { Attempt, Stage } from '../attempt.ts';
import { bad, failed, reached, within } from '../attempt.ts';
import { badBecause, errorCode } from '../words.ts';

/** A connection within the check's connectTimeout. Whoever gets the socket must `hangUp` it. */
export async function openConnection(attempt: Attempt): Promise<Stage<Socket>> {
  const { target, started, deadline } = attempt;
  const { connectTimeout, timeout } = target.check;
  const due = instant(Math.min(after(started, connectTimeout), deadline));
  const lateText = `connect timed out after ${durationText(milliseconds(Math.min(connectTimeout, timeout)))}`;
  let socket: Socket | undefined;
  try {
    const stage = await within<Stage<Socket>>(
      attempt,
      due,
      () => failed(bad('L4TOUT', lateText)),
      (done) => {
        const opening = connect({ host: target.address, port: target.port, autoSelectFamily: false });
        socket = opening;
        opening.once('connect', () => done(reached(opening)));
        // Stays for the socket's whole life: an error without a listener would end the process.
        opening.on('error', (error) =>
          done(
            errorCode(error) === 'ETIMEDOUT'
              ? failed(bad('L4TOUT', lateText))
              : failed(badBecause(error, 'L4CON')),
          ),
        );
      },
    );
    if (!stage.reached) socket?.destroy();
    return stage;
  } catch (error) {
    socket?.destroy();
    throw error;
  }
}

/**
 * Ends a connection with RST, as HAProxy's checks do, and not with FIN as keepalived's: no TIME_WAIT is left on the
 * director (thousands of checks a minute would leave thousands), no half-closed connection on the real server, and an
 * endless answer stops at once. The real server's accept() has succeeded by then; its next read fails with ECONNRESET
 * instead of reading an end of file, which common servers log at their debug or info level, if at all.
 */
export function hangUp(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
