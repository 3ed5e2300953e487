/** Replays what a live daemon recorded through the same code, and says what the director did. */
import { readFileSync } from 'node:fs';
import { instant } from '../../src/model/units.ts';
import { Director } from '../../src/vrrp/director/director.ts';
import type { DirectorEvent } from '../../src/vrrp/director/event.ts';
import { describeEvent, describeOrder } from './describe.ts';

/** The format that this reads. */
const RECORDING = 1;

interface Recorded {
  /** On the daemon's monotonic clock. */
  readonly at: number;
  readonly event: DirectorEvent;
}

/** Throws where the file is no recording, with its name and the line. */
export function replay(file: string, write: (line: string) => void): void {
  const [head, ...lines] = readFileSync(file, 'utf8').split('\n');
  const { recording, vipward } = parse(file, 1, head ?? '') as { recording?: unknown; vipward?: unknown };
  if (recording !== RECORDING) {
    throw new Error(
      `${file}: line 1 does not say "recording": ${RECORDING}, as vipward run --record writes it`,
    );
  }
  write(`recorded by vipward ${String(vipward)}`);
  const director = new Director();
  let begin: number | undefined;
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const { at, event } = parse(file, index + 2, line) as Recorded;
    begin ??= at;
    const orders = director.handle(event, instant(at));
    if (orders.length === 0 && (event.type === 'timer' || event.type === 'stalls')) continue;
    const did = orders.length > 0 ? ` => ${orders.map(describeOrder).join('; ')}` : '';
    write(`${(at - begin).toFixed(1).padStart(10)} ${describeEvent(event)}${did}`);
  }
}

function parse(file: string, line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file}: line ${line} is no JSON, so it was not written by vipward run --record`, {
      cause,
    });
  }
}
