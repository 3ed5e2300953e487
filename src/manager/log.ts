/** The daemon's log: one JSON line an event on standard output, which systemd takes to the journal. */
import { fstatSync } from 'node:fs';
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

/** Its descriptor. */
const OUTPUT = 1;

/** What the journal takes off the beginning of a line, and remembers: sd-daemon(3), syslog(3). */
const PRIORITY: { readonly [level in Parameters<Log>[0]]: string } = {
  error: '<3>',
  warn: '<4>',
  info: '<6>',
  debug: '<7>',
};

/** Whether standard output is the journal's own socket, and nothing that a service has put in its place: systemd.exec(5). */
function isJournal(stream: string | undefined): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(OUTPUT, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // It is closed.
    return false;
  }
}

export function createLogger(director: string): Logger {
  const writer = new LogWriter(OUTPUT);
  const journal = isJournal(process.env.JOURNAL_STREAM);
  let start = '';
  const logger = pino(
    {
      base: { director, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    { write: (line: string) => writer.write(start + line) },
  );
  return {
    log(level, message, fields = {}) {
      const droppedLines = writer.takeDropped();
      // pino writes before it returns.
      if (journal) start = PRIORITY[level];
      logger[level](droppedLines > 0 ? { ...fields, droppedLines } : fields, message);
    },
    flush: () => writer.flush(FLUSH_LIMIT),
  };
}
