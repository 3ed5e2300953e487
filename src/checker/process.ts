/**
 * The checker process:
 *
 *   manager ── targets ──▶ checker ── health, snapshot, log ──▶ manager
 *                             │ ▲
 *                       probe ▼ │ answer
 *                         real servers
 *
 * It gives up its privileges before the first probe and holds nothing but sockets and the health of its targets. When
 * it dies the manager starts another one and tells it the health that it heard last.
 */
import { type ManagerToChecker, MESSAGE_VERSION, SNAPSHOT_INTERVAL } from '../model/messages.ts';
import { type Checker, createChecker } from './checker.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { preload } from './preload.ts';
import { dropPrivileges, PrivilegeError, requestedIdentity } from './privileges.ts';
import { probeTarget } from './probe.ts';
import { systemTime } from './time.ts';
import { createTroubleLog, type TroubleLog } from './trouble.ts';

/** How long a dying process tries to tell why. */
const LAST_WORDS = 1000;

/**
 * Runs the checker until the manager stops it or goes away; then the process exits with 0. Exits with 1, after a line
 * in the log, when privileges cannot be dropped or an exception escapes. `main.ts` has seen to it that a manager is at
 * the other end of the IPC channel.
 */
export async function runCheckerProcess(): Promise<void> {
  process.on('disconnect', () => process.exit(0));
  // From a terminal or a service manager these go to the manager too, which stops this process in its own order:
  // real servers are checked until the last address is handed over.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  const outbox = createOutbox(sendToManager);
  process.on('uncaughtException', (error) => die(outbox, 'the checker failed', error));
  // Messages wait in the channel until somebody listens.
  try {
    await prepare(outbox);
  } catch (error) {
    die(outbox, 'the checker cannot start', error);
    return;
  }
  const trouble = createTroubleLog(outbox.log);
  const checker = createChecker({
    time: systemTime,
    probe: probeTarget,
    onHealth(target, health) {
      outbox.health(target, health);
      trouble.heard(target, health);
    },
  });
  process.on('message', (message) => hear(message, checker, trouble, outbox));
  sendSnapshots(checker, outbox);
  outbox.ready();
}

/** Loads what is loaded lazily, then becomes the user that the manager asked for. */
async function prepare(outbox: Outbox): Promise<void> {
  await preload();
  const identity = requestedIdentity(process.env);
  if (identity !== undefined) dropPrivileges(identity);
  else if (process.getuid?.() === 0) {
    outbox.log('warn', 'the checker runs as root: no user was given to run as');
  }
}

function hear(message: unknown, checker: Checker, trouble: TroubleLog, outbox: Outbox): void {
  if (!isFromManager(message)) {
    const want = `want messages of version ${MESSAGE_VERSION}: the manager is of another version, restart it`;
    die(outbox, 'the checker was told something that it does not know', new Error(want));
    return;
  }
  switch (message.type) {
    case 'targets':
      trouble.keep(new Set(message.targets.map((target) => target.id)));
      checker.setTargets(message.targets, message.health);
      break;
    case 'stop':
      checker.stop();
      process.exit(0);
      break;
    default:
      message satisfies never;
  }
}

/** The version vouches for the rest: the manager is of the same release. */
const isFromManager = (message: unknown): message is ManagerToChecker =>
  message !== null &&
  typeof message === 'object' &&
  'v' in message &&
  message.v === MESSAGE_VERSION &&
  'type' in message &&
  (message.type === 'targets' || message.type === 'stop');

function sendSnapshots(checker: Checker, outbox: Outbox): void {
  // By the clock: they are the sign of life, and the first thing to be heard of a process that stood still.
  setInterval(() => outbox.snapshot(checker.health()), SNAPSHOT_INTERVAL);
}

function sendToManager(message: object, sent: () => void): void {
  // An error means that the manager is gone; 'disconnect' follows and says so.
  process.send?.(message, undefined, undefined, sent);
}

/** Logs and exits with 1: the manager starts another checker. */
function die(outbox: Outbox, message: string, error: unknown): void {
  const cause = error instanceof Error ? error : new Error(String(error));
  const fields = cause instanceof PrivilegeError ? {} : { stack: cause.stack };
  setTimeout(() => process.exit(1), LAST_WORDS);
  if (process.connected) outbox.lastWords(`${message}: ${cause.message}`, fields, () => process.exit(1));
  else process.exit(1);
}
