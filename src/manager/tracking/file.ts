/**
 * A file that holds a number. Its state is whether there is a number to be had: one that is not there or empty holds
 * 0, as in keepalived; one that cannot be read, or holds something else, is down. What the number means is the affair
 * of those who use it.
 *
 * The kernel tells of changes in the file's folder; the interval is for what it does not tell of (a folder that is not
 * there yet, a network file system, the target of a symbolic link).
 */
import { constants, type FSWatcher, watch } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { TrackCounts } from '../../model/activity-status.ts';
import type { FileTracker, TrackVerdict } from '../../model/tracking.ts';
import { type FileContent, fileContent } from './file-value.ts';
import { isNews, type Tracker, type TrackerContext } from './tracker.ts';

/** Between a notice of the kernel and the reading: writers open, write and close in one go. */
const SETTLING = 10;
/** A file that is found empty is often just being written: after this long it is meant so. */
const PATIENCE = 200;
const LONGEST = 128;

export class FileWatch implements Tracker {
  readonly #definition: FileTracker;
  readonly #context: TrackerContext;
  #verdict: TrackVerdict;
  #watcher: FSWatcher | undefined;
  /** Of the folder that is watched: another of the same name is another. */
  #watched: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #reading = false;
  /** Something happened while it was being read. */
  #again = false;
  #foundEmpty = false;
  #looks = 0;
  #skipped = 0;
  #closed = false;

  constructor(definition: FileTracker, context: TrackerContext, before?: TrackVerdict) {
    this.#definition = definition;
    this.#context = context;
    this.#verdict = this.#verdictOf(before?.state ?? 'unknown', before?.value ?? 0, 'has not been read yet');
  }

  get verdict(): TrackVerdict {
    return this.#verdict;
  }

  get counts(): TrackCounts {
    return { looks: this.#looks, skipped: this.#skipped };
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), this.#definition.interval);
    void this.#look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#watcher?.close();
  }

  #lookSoon(delay: number): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.#look(), delay);
  }

  async #look(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      this.#skipped++;
      return;
    }
    this.#reading = true;
    this.#again = false;
    this.#looks++;
    await this.#watchFolder();
    const content = await readBeginning(this.#definition.path).then(fileContent, (cause: Error) => cause);
    this.#reading = false;
    if (this.#closed) return;
    if (this.#again) this.#lookSoon(SETTLING);
    this.#take(content);
  }

  #take(content: FileContent | Error): void {
    if (content instanceof Error) {
      this.#foundEmpty = false;
      this.#become('down', 0, content.message);
      return;
    }
    switch (content.kind) {
      case 'number':
        this.#foundEmpty = false;
        this.#become('up', content.value, `holds ${content.value}`);
        return;
      case 'nonsense':
        this.#foundEmpty = false;
        this.#become('down', 0, `holds no number: ${JSON.stringify(content.text)}`);
        return;
      case 'empty':
        if (this.#foundEmpty || this.#verdict.state === 'unknown') {
          this.#become('up', 0, 'empty or not there, which is 0');
        } else this.#lookSoon(PATIENCE);
        this.#foundEmpty = true;
        return;
      default:
        content satisfies never;
    }
  }

  /** Watches the folder, since a file that is replaced is another one. Without that, the interval must do. */
  async #watchFolder(): Promise<void> {
    const { path } = this.#definition;
    const folder = dirname(path);
    const about = await stat(folder).catch(() => undefined);
    const identity = about === undefined ? undefined : `${about.dev} ${about.ino}`;
    if (this.#closed || identity === this.#watched) return;
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
    if (identity === undefined) return;
    try {
      const watcher = watch(folder, (_, name) => {
        if (name === null || name === basename(path)) this.#lookSoon(SETTLING);
      });
      watcher.on('error', () => {
        watcher.close();
        this.#watched = undefined;
      });
      this.#watcher = watcher;
      this.#watched = identity;
    } catch (cause) {
      // Tried again at the next look; `max_user_watches` of inotify(7), as a rule.
      const interval = `${this.#definition.interval} ms`;
      this.#context.log('debug', `cannot watch ${folder}, reading ${path} every ${interval}: ${cause}`);
    }
  }

  #become(state: TrackVerdict['state'], value: number, reason: string): void {
    const before = this.#verdict;
    this.#verdict = this.#verdictOf(state, value, reason);
    if (!isNews(before, this.#verdict)) return;
    const { name } = this.#definition;
    this.#context.log(state === 'down' ? 'warn' : 'info', `file ${name}: ${reason}`, { trackedFile: name });
    this.#context.report(this.#verdict);
  }

  #verdictOf(state: TrackVerdict['state'], value: number, reason: string): TrackVerdict {
    return { kind: 'file', name: this.#definition.name, state, value, reason };
  }
}

/** Nothing for a file that is not there. Throws what else keeps it from being read. */
async function readBeginning(path: string): Promise<string> {
  // Nonblocking, since the mere opening of a pipe waits for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined;
      throw new Error(`cannot read ${path}: ${cause.message}`, { cause });
    },
  );
  if (file === undefined) return '';
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a file`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST), 0, LONGEST, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
