/** The story of `npm run lab`, a test for each of its steps. They build on each other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from './story/stage.ts';
import { STEPS } from './story/steps.ts';

let stage: Stage;
let brokenOff: string | undefined;

beforeAll(async () => {
  stage = await Stage.set();
});

afterAll(async () => {
  await stage?.close();
});

test.each(STEPS.map((step) => [step.title, step] as const))('%s', async (title, step) => {
  if (brokenOff !== undefined) throw new Error(`not played, since the story broke off at "${brokenOff}"`);
  brokenOff = title;
  const findings = await step.play(stage, () => undefined);
  brokenOff = undefined;
  expect(findings.length).toBeGreaterThan(0);
  expect(findings.filter(({ ok }) => !ok)).toEqual([]);
});
