/** The checker process as the manager sees it: targets go out, verdicts come back. */
import { readFileSync } from 'node:fs';
import type { CheckTarget, Health } from '../model/check.ts';
import {
  type CheckerToManager,
  type Log,
  type ManagerToChecker,
  SNAPSHOT_INTERVAL,
} from '../model/messages.ts';
import { milliseconds } from '../model/units.ts';
import { Child } from './child.ts';
import type { HealthBook } from './health.ts';

const STOP_LIMIT = milliseconds(2_000);
/** The user that the package creates for the checker; without it, the one that owns nothing. */
const USER = 'vipward';
const NOBODY = { uid: 65_534, gid: 65_534 };

export class CheckerChild {
  readonly child: Child<ManagerToChecker, CheckerToManager>;
  readonly #health: HealthBook;
  readonly #log: Log;
  readonly #onVerdict: (targets: readonly string[]) => void;

  /** `onVerdict` is called with the ids of the targets whose health changed. */
  constructor(health: HealthBook, log: Log, onVerdict: (targets: readonly string[]) => void) {
    this.#health = health;
    this.#log = log;
    this.#onVerdict = onVerdict;
    this.child = new Child<ManagerToChecker, CheckerToManager>({
      name: 'checker',
      // undici's HTTP parser is WebAssembly: to optimize it costs 11 MB, and time that small answers never win back.
      nodeOptions: ['--liftoff-only', '--max-semi-space-size=1'],
      environment: checkerUser(),
      silenceLimit: milliseconds(3 * SNAPSHOT_INTERVAL),
      log,
      onMessage: (message) => this.#receive(message),
      onReady: () => this.#push(),
      onLost: () => {},
    });
  }

  setTargets(targets: readonly CheckTarget[]): void {
    this.#health.setTargets(targets);
    if (this.child.running) this.#push();
  }

  stop(): Promise<void> {
    return this.child.stop({ type: 'stop' }, STOP_LIMIT);
  }

  #push(): void {
    this.child.send({ type: 'targets', targets: this.#health.targets, health: this.#health.all() });
  }

  #receive(message: CheckerToManager): void {
    switch (message.type) {
      case 'ready':
        return;
      case 'health':
        this.#update({ [message.id]: message.health });
        return;
      case 'snapshot':
        this.#update(message.health);
        return;
      case 'log':
        this.#log(message.level, message.message, { process: 'checker', ...message.fields });
        return;
      default:
        message satisfies never;
    }
  }

  #update(reported: Readonly<Record<string, Health>>): void {
    const changed = this.#health.update(reported);
    if (changed.length > 0) this.#onVerdict(changed);
  }
}

/** Whom the checker becomes once it has loaded its code; nothing when the manager itself has no privileges. */
function checkerUser(): Readonly<Record<string, string>> {
  if (process.getuid?.() !== 0) return {};
  const { uid, gid } = lookUp(USER) ?? NOBODY;
  return { VIPWARD_CHECKER_UID: String(uid), VIPWARD_CHECKER_GID: String(gid) };
}

function lookUp(user: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
