import { expect, it } from 'vitest';
import { instant, milliseconds } from '../../../src/model/units.ts';
import { throttle } from '../../../src/vrrp/process/throttle.ts';

it('logs the first of each kind, then one for each interval with the number left out', () => {
  const lines: unknown[] = [];
  let now = 0;
  const complain = throttle(
    (level, message, fields) => lines.push([level, message, fields]),
    () => instant(now),
    milliseconds(1000),
  );
  complain('a', 'warn', 'first a');
  complain('b', 'warn', 'first b');
  for (now = 1; now < 1000; now += 100) complain('a', 'warn', 'a again');
  now = 1000;
  complain('a', 'warn', 'later a', { at: now });
  expect(lines).toEqual([
    ['warn', 'first a', {}],
    ['warn', 'first b', {}],
    ['warn', 'later a', { at: 1000, suppressed: 10 }],
  ]);
});
