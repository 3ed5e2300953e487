import { expect, it } from 'vitest';
import { notAsked } from '../../../src/doctor/finding.ts';
import { limited, limitedUntil } from '../../../src/doctor/limited.ts';

const ITEMS = Array.from({ length: 100 }, (_, i) => i);

it('one that takes long holds up none but itself', async () => {
  const slow = Promise.withResolvers<void>();
  const done: number[] = [];
  const all = limited(ITEMS, 2, async (i) => {
    if (i === 0) await slow.promise;
    done.push(i);
    if (done.length === 99) slow.resolve();
    return i;
  });
  expect(await all).toEqual(ITEMS);
  expect(done.at(-1)).toBe(0);
});

it('what cannot be begun in time is not done, and told', async () => {
  const deadline = performance.now() + 500;
  const results = await limitedUntil(ITEMS, 3, deadline, async (i) => {
    while (performance.now() < deadline);
    return i;
  });
  expect(results).toHaveLength(100);
  expect(results.filter((each) => each !== undefined)).toEqual([0]);
  const unasked = new Set(ITEMS.filter((i) => results[i] === undefined).map((i) => `10.1.1.${i}`));
  expect(notAsked(unasked, 'their gateways')).toMatchObject([
    { severity: 'unknown', what: '99 real servers not asked (10.1.1.1 and 98 more): their gateways' },
  ]);
  expect(notAsked(new Set(['10.1.1.2']), 'their gateways')[0]?.what).toBe(
    '1 real server not asked (10.1.1.2): their gateways',
  );
  expect(notAsked(new Set(), 'their gateways')).toEqual([]);
});
