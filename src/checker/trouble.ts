/** Says in the log when this process cannot probe, and when it can again: one line each, however many targets. */
import type { CheckTarget, Health } from '../model/check.ts';
import type { Log } from '../model/messages.ts';
import { endpoint } from '../model/virtual-server.ts';

export interface TroubleLog {
  /** Told of every change of a target's last result. */
  heard(target: CheckTarget, health: Health): void;
  /** Forgets the targets that are not in `ids`. */
  keep(ids: ReadonlySet<string>): void;
}

export function createTroubleLog(log: Log): TroubleLog {
  const troubled = new Set<string>();
  return {
    heard(target, { last }) {
      const before = troubled.size;
      if (last?.code !== 'CHKERR') {
        if (troubled.delete(target.id) && troubled.size === 0)
          log('info', 'every target can be probed again');
        return;
      }
      troubled.add(target.id);
      if (before > 0) return;
      log('warn', 'a target cannot be probed: its health stays as it is until it can', {
        server: endpoint(target.address, target.port),
        result: `${last.code} ${last.text}`,
      });
    },
    keep(ids) {
      for (const id of troubled) if (!ids.has(id)) troubled.delete(id);
    },
  };
}
