/** Plays one seed, and says what was wrong. */
import { bounds } from './bounds.ts';
import { verdicts } from './checks.ts';
import { Journal } from './journal.ts';
import { scenario } from './scenario.ts';
import { World } from './world.ts';

/** In words, everything that was not as it must be; empty when all was well. `write` takes the replay. */
export function simulate(seed: number, write?: (line: string) => void): readonly string[] {
  try {
    return play(seed, write);
  } catch (error) {
    return [`threw ${error instanceof Error ? error.stack : String(error)}`];
  }
}

function play(seed: number, write?: (line: string) => void): readonly string[] {
  const setting = scenario(seed);
  const journal = write && new Journal(write);
  const world = new World(setting, journal);
  if (journal) journal.agenda = world.agenda;
  const limits = bounds(setting);
  world.agenda.runUntil(setting.calmAt);
  world.divide();
  world.agenda.runUntil(limits.end);
  world.ownership.close(world.agenda.now);
  return verdicts(world, limits);
}
