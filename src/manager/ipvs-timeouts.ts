/**
 * The time-outs of connections (`ipvs.timeouts`), set where they are others, whoever set those. What was there before
 * comes back when the file no longer names one, and at the end.
 */
import type { ConnectionTimeouts, Ipvs } from '../kernel/ipvs.ts';
import type { Config } from '../model/config.ts';
import type { ChangedSetting, Log } from '../model/messages.ts';

export type WantedTimeouts = Config['ipvs']['timeouts'];

export const NO_TIMEOUTS: WantedTimeouts = { tcp: undefined, tcpFin: undefined, udp: undefined };

const NAMES = ['tcp', 'tcpFin', 'udp'] as const;
type Name = (typeof NAMES)[number];

/** In the words of the file. */
const WORDS: Readonly<Record<Name, string>> = { tcp: 'tcp', tcpFin: 'tcp_fin', udp: 'udp' };

/** The part of the kernel that is asked. */
type Kernel = Pick<Ipvs, 'timeouts' | 'setTimeouts'>;

/** What was changed, remembered for a process that comes after one that was killed. */
export interface TimeoutMemory {
  read(): readonly ChangedSetting[];
  write(changed: readonly ChangedSetting[]): void;
}

/** In seconds. */
interface Changed {
  readonly was: number;
  readonly set: number;
}

interface Change {
  readonly name: Name;
  readonly to: number;
  readonly text: string;
}

export class TimeoutKeeper {
  readonly #log: Log;
  readonly #memory: TimeoutMemory | undefined;
  readonly #changed: Map<Name, Changed>;
  #problem: string | undefined;

  constructor(log: Log, memory?: TimeoutMemory) {
    this.#log = log;
    this.#memory = memory;
    this.#changed = new Map((memory?.read() ?? []).flatMap(fromMemory));
  }

  /** Why they are not as configured; undefined: they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether anything is to be put back. */
  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** What `keep` would change, in words. Throws KernelError. */
  preview(ipvs: Kernel, wanted: WantedTimeouts): readonly string[] {
    return this.#hasWork(wanted) ? this.#changes(ipvs.timeouts(), wanted).map(({ text }) => text) : [];
  }

  /** Never throws: the table matters more. Returns what was changed, in words. */
  keep(ipvs: Kernel, wanted: WantedTimeouts): readonly string[] {
    if (!this.#hasWork(wanted)) {
      this.#problem = undefined;
      return [];
    }
    try {
      const changes = this.#carryOut(ipvs, wanted);
      this.#problem = undefined;
      return changes;
    } catch (error) {
      const problem = `cannot set the time-outs of connections: ${(error as Error).message}`;
      if (problem !== this.#problem) this.#log('error', problem);
      this.#problem = problem;
      return [];
    }
  }

  #hasWork(wanted: WantedTimeouts): boolean {
    return this.hasChanged || NAMES.some((name) => wanted[name] !== undefined);
  }

  #carryOut(ipvs: Kernel, wanted: WantedTimeouts): readonly string[] {
    const now = ipvs.timeouts();
    const changes = this.#changes(now, wanted);
    // On disk before it is done: whoever is killed in between leaves nothing unknown.
    this.#intend(changes, now, wanted);
    if (changes.length > 0) ipvs.setTimeouts(Object.fromEntries(changes.map(({ name, to }) => [name, to])));
    for (const { text } of changes) this.#log('info', text);
    this.#forget(wanted);
    return changes.map(({ text }) => text);
  }

  #changes(now: ConnectionTimeouts, wanted: WantedTimeouts): readonly Change[] {
    return NAMES.flatMap((name): Change[] => {
      const value = wanted[name];
      const changed = this.#changed.get(name);
      // Somebody who has changed it since wants it so.
      const back = changed?.set === now[name] ? changed.was : undefined;
      const to = value ?? back;
      // A kernel without the protocol says 0, and keeps to it.
      if (to === undefined || to === now[name] || now[name] === 0) return [];
      const verb = value === undefined ? 'put back' : 'change';
      return [{ name, to, text: `${verb} time-out of ${WORDS[name]} connections: ${now[name]} s → ${to} s` }];
    });
  }

  #intend(changes: readonly Change[], now: ConnectionTimeouts, wanted: WantedTimeouts): void {
    const ours = changes.filter(({ name }) => wanted[name] !== undefined);
    if (ours.length === 0) return;
    for (const { name, to } of ours)
      this.#changed.set(name, { was: this.#changed.get(name)?.was ?? now[name], set: to });
    this.#remember();
  }

  /** What is put back, or somebody else's. */
  #forget(wanted: WantedTimeouts): void {
    const gone = [...this.#changed.keys()].filter((name) => wanted[name] === undefined);
    if (gone.length === 0) return;
    for (const name of gone) this.#changed.delete(name);
    this.#remember();
  }

  #remember(): void {
    const changed = [...this.#changed].map(
      ([name, { was, set }]): ChangedSetting => ({ path: [name], was: String(was), set: String(set) }),
    );
    this.#memory?.write(changed);
  }
}

function fromMemory({ path: [text], was, set }: ChangedSetting): readonly (readonly [Name, Changed])[] {
  const name = NAMES.find((each) => each === text);
  return name === undefined ? [] : [[name, { was: Number(was), set: Number(set) }]];
}
