/** One cell of the matrix: one fault, played for one program. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from '../bench/bench.ts';
import { Lab } from '../lab/support/lab.ts';
import { startProbe } from '../lab/support/tools.ts';
import { configurationFor, GUARDS, type Guard, type Plan, VIP, WEB } from './configuration.ts';
import type { Subject } from './director.ts';
import type { Fault, Inflict } from './fault.ts';
import { Stage } from './stage.ts';
import { type Name, now, type Ownership } from './timeline.ts';

/** Between two requests of the client, in ms. */
export const PROBE_INTERVAL = 10;
/** Between the active director's advert and the fault, in ms: the same for both programs. */
const PHASE = 300;

export interface Cell extends Ownership {
  readonly fault: string;
  readonly daemon: Program;
  /** Requests without an answer. */
  readonly lost: number;
  readonly changes: readonly string[];
  readonly logs: Readonly<Record<Name, readonly string[]>>;
}

const PLAIN: Plan = {
  priority: 100,
  interval: 1_000,
  realtime: false,
  service: false,
  password: undefined,
  guards: [],
  routers: [WEB],
};

/** `guards`: those that there are. */
export const planOf = (fault: Fault, guards: readonly Guard[]): Plan => ({
  ...PLAIN,
  guards: guards.filter((guard) => fault.guards?.includes(guard)),
  ...fault.plan,
});

/** Plays it from the boot of its machines on; everything is gone afterwards. */
export async function playCell(fault: Fault, subject: Subject, guards: readonly Guard[]): Promise<Cell> {
  await using lab = await Lab.create();
  const stage = await Stage.build(lab, fault.place ?? 'namespaces', subject);
  try {
    await stage.start(planOf(fault, guards), fault.start);
    const inflict = await fault.prepare(stage);
    return { fault: fault.name, daemon: subject.program, ...(await measure(stage, fault, inflict)) };
  } catch (cause) {
    if (cause instanceof TooSlow) throw cause;
    const logs = [stage.a, stage.b].map(({ log }) => log.slice(-30).join('\n'));
    throw new Error(`${fault.name}, ${subject.program}: ${String(cause)}\n--- a\n${logs.join('\n--- b\n')}`, {
      cause,
    });
  }
}

async function measure(
  stage: Stage,
  fault: Fault,
  inflict: Inflict,
): Promise<Omit<Cell, 'fault' | 'daemon'>> {
  const { client } = stage.machines;
  const probe = await startProbe(client, { address: VIP, interval: PROBE_INTERVAL });
  await stage.advert();
  await delay(PHASE);
  const from = now();
  const begun = Date.now();
  const undo = await promptly('the fault', inflict, fault.takes);
  await sleepUntil(from + fault.lasts * 1_000);
  if (undo !== undefined) await promptly('its undoing', undo);
  const to = from + (fault.lasts + (fault.after ?? 0)) * 1_000;
  await sleepUntil(to);
  const { gaps } = await probe.stop();
  const lost = gaps.filter((gap) => gap.to >= begun).reduce((sum, gap) => sum + gap.lost, 0);
  return {
    ...stage.timeline.ownership(from, to),
    lost,
    changes: stage.timeline.changes.all.map(
      ({ time, director, about, is }) => `${((time - from) / 1_000).toFixed(3)} ${director} ${about} ${is}`,
    ),
    logs: { a: [...stage.a.log], b: [...stage.b.log] },
  };
}

/** Which guards this vipward has: whose configuration it takes. */
export async function guardsOf(vipward: string): Promise<readonly Guard[]> {
  await using lab = await Lab.create();
  const has = async (guard: Guard): Promise<boolean> => {
    const file = `${lab.scratch}/${guard}.yaml`;
    await lab.machine.writeFile(file, configurationFor('vipward', { ...PLAIN, guards: [guard] }));
    return (await lab.machine.exec([vipward, 'check', file])).code === 0;
  };
  const found = await Promise.all(GUARDS.map(has));
  return GUARDS.filter((_, index) => found[index]);
}

/** Seconds that a fault, or its undoing, may take to come about: beyond, this machine itself is what is measured. */
const PROMPT = 0.75;

/** What was seen says nothing about the program: play it again. */
export class TooSlow extends Error {}

async function promptly<T>(what: string, work: () => Promise<T>, takes = 0): Promise<T> {
  const begun = now();
  const result = await work();
  const seconds = (now() - begun) / 1_000;
  if (seconds > takes + PROMPT) throw new TooSlow(`this machine took ${seconds.toFixed(1)} s for ${what}`);
  return result;
}

const sleepUntil = (time: number): Promise<void> => delay(Math.max(0, time - now()));
