/** Plays the whole story and tells it as it goes. */
import type { Row } from './row.ts';
import type { Stage } from './stage.ts';
import { STEPS } from './steps.ts';

/** Ends early when a step cannot be played to its end; that is a row, too. */
export async function play(stage: Stage, print: (line: string) => void): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { title, tale, play } of STEPS) {
    print(`\n${title}. ${tale.replaceAll(/\s+/g, ' ')}`);
    try {
      const findings = await play(stage, (line) => print(`   ${line}`));
      rows.push(...findings.map((finding) => ({ step: title, ...finding })));
      for (const { ok, expected, seen } of findings) if (!ok) print(`   FAILED: ${expected}; seen: ${seen}`);
    } catch (error) {
      const seen = error instanceof Error ? error.message : String(error);
      print(`   FAILED: ${seen}`);
      return [...rows, { step: title, expected: 'the step ends', seen, measured: '', ok: false, values: {} }];
    }
  }
  return rows;
}
