/** Messages to the manager, bounded: a manager that does not read must not make this process grow. */
import type { CheckTarget, Health } from '../model/check.ts';
import type { CheckerToManager, Log, Versioned } from '../model/messages.ts';
import { MESSAGE_VERSION } from '../model/messages.ts';

/** Messages that may be under way at once. */
const MOST_UNDER_WAY = 256;

/** Sends one message; `sent` is called when it left this process, or cannot. */
export type Send = (message: Versioned<CheckerToManager>, sent: () => void) => void;

export interface Outbox {
  readonly log: Log;
  ready(): void;
  /** An error for the log, whatever is under way; `sent` is called when it left, or cannot. */
  lastWords(message: string, fields: Readonly<Record<string, unknown>>, sent: () => void): void;
  /** Sent at once, or when the manager reads again: then only the latest of each target. */
  health(target: CheckTarget, health: Health): void;
  /** Left out while the manager does not read. */
  snapshot(health: Readonly<Record<string, Health>>): void;
}

export function createOutbox(send: Send, mostUnderWay: number = MOST_UNDER_WAY): Outbox {
  const held = new Map<string, Health>();
  let underWay = 0;
  const full = (): boolean => underWay >= mostUnderWay;

  function post(message: CheckerToManager): void {
    underWay++;
    send({ ...message, v: MESSAGE_VERSION }, () => {
      underWay--;
      flush();
    });
  }
  function flush(): void {
    for (const [id, health] of held) {
      if (full()) return;
      held.delete(id);
      post({ type: 'health', id, health });
    }
  }
  return {
    log(level, message, fields = {}) {
      // Lost while the manager does not read: health, which matters more, is kept.
      if (!full()) post({ type: 'log', level, message, fields });
    },
    ready: () => post({ type: 'ready' }),
    lastWords(message, fields, sent) {
      send({ type: 'log', level: 'error', message, fields, v: MESSAGE_VERSION }, sent);
    },
    health(target, health) {
      held.delete(target.id);
      held.set(target.id, health);
      flush();
    },
    snapshot(health) {
      if (full()) return;
      // It says all that is held.
      held.clear();
      post({ type: 'snapshot', health });
    },
  };
}
