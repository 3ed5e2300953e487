/** The daemon's log: one JSON line an event on standard output, which systemd takes to the journal. */
import { pino } from 'pino';
import type { Log } from '../model/messages.ts';
import { LogWriter } from './log-writer.ts';

export interface Logger {
  readonly log: Log;
  /** Resolves when the last lines are out or lost; false: nobody takes them. For the end of the process. */
  flush(): Promise<boolean>;
}

/** How long the last lines may take, in milliseconds. */
const FLUSH_LIMIT = 500;

export function createLogger(director: string): Logger {
  const writer = new LogWriter(1);
  const logger = pino(
    {
      base: { director, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    writer,
  );
  return {
    log(level, message, fields = {}) {
      const droppedLines = writer.takeDropped();
      logger[level](droppedLines > 0 ? { ...fields, droppedLines } : fields, message);
    },
    flush: () => writer.flush(FLUSH_LIMIT),
  };
}
