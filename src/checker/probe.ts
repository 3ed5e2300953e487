/** From a target to the result of one probe of it, whatever its kind. */
import type { CheckResult, CheckTarget, Probe } from '../model/check.ts';
import { after, elapsed, milliseconds } from '../model/units.ts';
import type { Attempt, ProbeKind } from './attempt.ts';
import { bad, within } from './attempt.ts';
import { probeHttp } from './http/probe.ts';
import { probeTcp } from './tcp/probe.ts';
import type { Time } from './time.ts';
import { errorText } from './words.ts';

/**
 * Probes `target` once. Settles by its timeout; rejects with the signal's reason when aborted, and with whatever a
 * probe threw that is no verdict. Nothing of the probe stays open afterwards.
 */
export type ProbeTarget = (target: CheckTarget, signal: AbortSignal, time: Time) => Promise<CheckResult>;

export const probeTarget: ProbeTarget = async (target, signal, time) => {
  const started = time.now();
  const deadline = after(started, target.check.timeout);
  const attempt: Attempt = { target, time, started, deadline, signal };
  const verdict = await kindOf(target.check.probe)(attempt);
  const duration = milliseconds(Math.round(elapsed(started, time.now()) * 1000) / 1000);
  return { ...verdict, duration, at: time.date() };
};

function kindOf(probe: Probe): ProbeKind {
  switch (probe.kind) {
    case 'tcp':
      return probeTcp;
    case 'http':
      return probeHttp(probe);
    default:
      return probe satisfies never;
  }
}

/** How long after its timeout a probe that has not settled is given up: it is a fault of ours. */
export const GRACE = milliseconds(1000);

/** As `probe`, but settles in any case: a probe that throws or never ends becomes a CHKERR. */
export async function probeGuarded(
  probe: ProbeTarget,
  target: CheckTarget,
  signal: AbortSignal,
  time: Time,
): Promise<CheckResult> {
  const started = time.now();
  const deadline = after(after(started, target.check.timeout), GRACE);
  const trouble = (text: string): CheckResult => ({
    ...bad('CHKERR', text),
    duration: elapsed(started, time.now()),
    at: time.date(),
  });
  const inner = new AbortController();
  try {
    return await within<CheckResult>(
      { target, time, started, deadline, signal },
      deadline,
      () => trouble('the probe did not end by its timeout'),
      (done) => {
        // In an async function, so that a probe that throws at once is treated like one that rejects.
        (async () => probe(target, inner.signal, time))().then(done, (error: unknown) =>
          done(trouble(`the probe failed: ${errorText(error)}`)),
        );
      },
    );
  } finally {
    // Whatever ended the wait, nothing of the probe goes on.
    inner.abort(new Error('the probe is over'));
  }
}
