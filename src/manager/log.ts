/** The daemon's log: one JSON line an event on standard output, which systemd takes to the journal. */
import { pino } from 'pino';
import type { Log } from '../model/messages.ts';

export interface Logger {
  readonly log: Log;
  /** Writes out what is still buffered; for the last lines before the process ends. */
  flush(): void;
}

/** Beyond this much unwritten text, lines are dropped rather than kept: a stuck disk must not fill the memory. */
const BUFFER_LIMIT = 4 * 1024 * 1024;

/**
 * The log never holds anything up: lines are written by the thread pool, and a full disk or a reader that went away
 * costs lines, not the daemon. The number of write errors is told with the first line that gets through again.
 */
export function createLogger(director: string): Logger {
  const destination = pino.destination({ fd: 1, sync: false, maxLength: BUFFER_LIMIT });
  let failures = 0;
  destination.on('error', () => {
    failures++;
  });
  const logger = pino(
    {
      base: { director, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    destination,
  );
  return {
    log(level, message, fields = {}) {
      const lost = failures > 0 ? { logWriteErrors: failures } : {};
      failures = 0;
      logger[level]({ ...fields, ...lost }, message);
    },
    flush() {
      try {
        destination.flushSync();
      } catch {
        // Nobody reads, or the disk is full: there is no better place left to say so.
      }
    },
  };
}
