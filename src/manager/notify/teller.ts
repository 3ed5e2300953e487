/** Calls the scripts of one event, one after the other. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../model/messages.ts';
import { milliseconds } from '../../model/units.ts';
import { outcomeOutput, outcomeText, type Run, type RunOutcome } from '../run/program.ts';
import {
  type Call,
  callsOf,
  environmentOf,
  type NotifyEvent,
  type NotifyWord,
  type Recipients,
} from './event.ts';

/** Waits before it is tried again, in milliseconds, when the machine has no process to spare. */
const TRIED_AGAIN = [250, 500, 1_000, 2_000, 4_000];
/** Between SIGTERM and SIGKILL. */
const GRACE = milliseconds(1_000);

export interface Telling {
  readonly event: NotifyEvent;
  readonly targets: Recipients;
  /** The state that was told before this one. */
  readonly before: NotifyWord | undefined;
  readonly signal: AbortSignal;
}

/** Resolves when every script has ended, whatever became of it; the log says what. Never rejects. */
export async function tellScripts(run: Run, log: Log, telling: Telling): Promise<void> {
  for (const call of callsOf(telling.targets, telling.event)) {
    if (telling.signal.aborted) return;
    const began = performance.now();
    const outcome = await callOne(run, call, telling);
    logOutcome(log, call, telling.event, outcome, Math.round(performance.now() - began));
  }
}

async function callOne(run: Run, call: Call, { event, before, signal }: Telling): Promise<RunOutcome> {
  const { user, group, timeout } = call.script;
  const environment = environmentOf(event, before);
  const request = { command: call.command, user, group, timeout, environment, grace: GRACE, signal };
  for (const wait of TRIED_AGAIN) {
    const outcome = await run(request);
    if (outcome.kind !== 'not-started' || !outcome.busy) return outcome;
    await delay(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return outcome;
  }
  return run(request);
}

function logOutcome(log: Log, call: Call, event: NotifyEvent, outcome: RunOutcome, took: number): void {
  const good = outcome.kind === 'exited' && outcome.code === 0;
  const output = outcomeOutput(outcome);
  const [program] = call.command;
  const what = `${event.kind} ${event.name} ${event.word}`;
  log(good ? 'info' : 'warn', `notify script ${program} for ${what}: ${outcomeText(outcome)}`, {
    command: call.command,
    state: event.word,
    took,
    ...(output === '' ? {} : { output }),
  });
}
