/** The time-outs of connections (`ipvs.timeouts`), set where they are others, whoever set those. */
import type { ConnectionTimeouts, Ipvs } from '../kernel/ipvs.ts';
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';

export type WantedTimeouts = Config['ipvs']['timeouts'];

export const NO_TIMEOUTS: WantedTimeouts = { tcp: undefined, tcpFin: undefined, udp: undefined };

/** In the words of the file. */
const NAMES = { tcp: 'tcp', tcpFin: 'tcp_fin', udp: 'udp' } as const;

/** The part of the kernel that is asked. */
type Kernel = Pick<Ipvs, 'timeouts' | 'setTimeouts'>;

export class TimeoutKeeper {
  readonly #log: Log;
  #problem: string | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Why they are not as configured; undefined: they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What `keep` would change. Throws KernelError. */
  preview(ipvs: Kernel, wanted: WantedTimeouts): readonly string[] {
    return isNothing(wanted) ? [] : changesOf(ipvs.timeouts(), wanted);
  }

  /** Never throws: the table matters more. Returns what was changed, in words. */
  keep(ipvs: Kernel, wanted: WantedTimeouts): readonly string[] {
    if (isNothing(wanted)) {
      this.#problem = undefined;
      return [];
    }
    try {
      const was = ipvs.timeouts();
      const changes = changesOf(was, wanted);
      if (changes.length > 0) ipvs.setTimeouts(given(wanted));
      for (const change of changes) this.#log('info', change);
      this.#problem = undefined;
      return changes;
    } catch (error) {
      const problem = `cannot set the time-outs of connections: ${(error as Error).message}`;
      if (problem !== this.#problem) this.#log('error', problem);
      this.#problem = problem;
      return [];
    }
  }
}

const isNothing = (wanted: WantedTimeouts): boolean =>
  Object.values(wanted).every((value) => value === undefined);

/** What setting `wanted` would change, in words. */
const changesOf = (was: ConnectionTimeouts, wanted: WantedTimeouts): readonly string[] =>
  (['tcp', 'tcpFin', 'udp'] as const).flatMap((name) => {
    const value = wanted[name];
    // A kernel without the protocol says 0, and keeps to it.
    return value === undefined || value === was[name] || was[name] === 0
      ? []
      : [`change time-out of ${NAMES[name]} connections: ${was[name]} s → ${value} s`];
  });

const given = ({ tcp, tcpFin, udp }: WantedTimeouts): Partial<ConnectionTimeouts> => ({
  ...(tcp !== undefined && { tcp }),
  ...(tcpFin !== undefined && { tcpFin }),
  ...(udp !== undefined && { udp }),
});
