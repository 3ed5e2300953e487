/**
 * The processes of this machine, by reading /proc. /proc/PID/stat is made by the kernel without waiting for anybody
 * and is read in short slices; the command line lies in the process's own memory, whose lock may be held for long, so
 * it is read in another thread, and once for each process.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProcessTracker } from '../../model/tracking.ts';
import { isMeant, type ProcessFacts, parseStat } from './process-match.ts';

/** Processes read in one slice: about a millisecond. */
const SLICE = 50;
/** Command lines read at once: half of Node's thread pool. */
const AT_ONCE = 2;
/** More of a command line than this tells nothing new, in bytes. */
const LONGEST_COMMAND_LINE = 16 * 1024;

type Wanted = Pick<ProcessTracker, 'name' | 'process' | 'arguments'>;

/** What a process was found to be, for as long as it is the same one under the same name. */
interface Known {
  readonly start: string;
  readonly comm: string;
  /** Names of the trackers that mean it. */
  readonly meantBy: ReadonlySet<string>;
}

export class ProcessTable {
  readonly #root: string;
  readonly #buffer = Buffer.alloc(1024);
  #wanted: readonly Wanted[] = [];
  #known = new Map<number, Known>();
  #scan: Promise<void> | undefined;
  #scans = 0;

  /** `root`: where the kernel's process file system is mounted. */
  constructor(root = '/proc') {
    this.#root = root;
  }

  /** How often the whole table was read. */
  get scans(): number {
    return this.#scans;
  }

  /** What `count` may be asked for. */
  setWanted(wanted: readonly Wanted[]): void {
    this.#wanted = wanted;
    this.#known = new Map();
  }

  /** Of the processes that were found for the tracker, how many are still there: a few reads. */
  remaining(name: string): number {
    let count = 0;
    for (const [pid, known] of this.#known) {
      if (known.meantBy.has(name) && isSame(this.#facts(pid), known)) count++;
    }
    return count;
  }

  /** How many processes the tracker means, by reading the whole table; those who ask at the same time share it. */
  async count(name: string): Promise<number> {
    this.#scan ??= this.#readAll().finally(() => {
      this.#scan = undefined;
    });
    await this.#scan;
    return [...this.#known.values()].filter(({ meantBy }) => meantBy.has(name)).length;
  }

  async #readAll(): Promise<void> {
    this.#scans++;
    const before = this.#known;
    const found = new Map<number, Known>();
    const unread: [number, ProcessFacts][] = [];
    const pids = (await readdir(this.#root)).filter((entry) => /^\d+$/.test(entry)).map(Number);
    for (const [i, pid] of pids.entries()) {
      if (i % SLICE === SLICE - 1) await nextTurn();
      const facts = this.#facts(pid);
      if (facts === undefined || facts.dead) continue;
      const known = before.get(pid);
      if (known !== undefined && isSame(facts, known)) found.set(pid, known);
      else unread.push([pid, facts]);
    }
    const readers = Array.from({ length: AT_ONCE }, async () => {
      for (let next = unread.pop(); next !== undefined; next = unread.pop())
        await this.#getToKnow(next, found);
    });
    await Promise.all(readers);
    // A configuration that came meanwhile asks for other processes, and reads the table again.
    if (this.#known === before) this.#known = found;
    else await this.#readAll();
  }

  async #getToKnow([pid, facts]: [number, ProcessFacts], found: Map<number, Known>): Promise<void> {
    const argv = facts.kernel ? [] : await this.#commandLine(pid);
    const meantBy = new Set(this.#wanted.filter((one) => isMeant(one, facts, argv)).map(({ name }) => name));
    // One that is just being started has none yet: it is not known until it has.
    if (argv.length === 0 && !facts.kernel && meantBy.size === 0) return;
    found.set(pid, { start: facts.start, comm: facts.comm, meantBy });
  }

  async #commandLine(pid: number): Promise<readonly string[]> {
    // It ends while it is read about: then it is none of ours.
    const bytes = await readFile(join(this.#root, String(pid), 'cmdline')).catch(() => Buffer.alloc(0));
    if (bytes.length === 0) return [];
    return bytes.subarray(0, LONGEST_COMMAND_LINE).toString().replace(/\0$/, '').split('\0');
  }

  #facts(pid: number): ProcessFacts | undefined {
    try {
      const fd = openSync(`${this.#root}/${pid}/stat`, 'r');
      try {
        const length = readSync(fd, this.#buffer, 0, this.#buffer.length, 0);
        return parseStat(this.#buffer.toString('utf8', 0, length));
      } finally {
        closeSync(fd);
      }
    } catch {
      return undefined;
    }
  }
}

const isSame = (facts: ProcessFacts | undefined, known: Known): boolean =>
  facts !== undefined && !facts.dead && facts.start === known.start && facts.comm === known.comm;
