/** Reloads that are asked for faster than one of them takes: by a script that signals in a loop, say. */
import { expect, it } from 'vitest';
import { SharedTurns } from '../../../src/manager/shared-turns.ts';

/** Runs that end when they are told to. */
function runs() {
  const begun: { readonly number: number; end(): void; fail(error: Error): void }[] = [];
  const turns = new SharedTurns<number>(() => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const number = begun.length + 1;
    begun.push({ number, end: () => resolve(number), fail: reject });
    return promise;
  });
  return { begun, turns };
}

/** All that can happen without anything from outside. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('all who ask before a run begins share it, and none runs beside another', async () => {
  const { begun, turns } = runs();
  const first = turns.ask();
  await settled();
  const later = Array.from({ length: 1_000 }, () => turns.ask());
  await settled();
  expect(begun).toHaveLength(1);
  begun[0]?.end();
  expect(await first).toBe(1);
  await settled();
  expect(begun).toHaveLength(2);
  begun[1]?.end();
  expect(new Set(await Promise.all(later))).toEqual(new Set([2]));
});

it('who asks while a run goes on gets another one: that one has read the file already', async () => {
  const { begun, turns } = runs();
  const first = turns.ask();
  await settled();
  const second = turns.ask();
  begun[0]?.end();
  expect(await first).toBe(1);
  await settled();
  begun[1]?.end();
  expect(await second).toBe(2);
});

it('one that fails is a failure for those who share it alone', async () => {
  const { begun, turns } = runs();
  const first = turns.ask();
  await settled();
  const second = turns.ask();
  begun[0]?.fail(new Error('vipward stops'));
  await expect(first).rejects.toThrow('vipward stops');
  await settled();
  begun[1]?.end();
  expect(await second).toBe(2);
});

it('other work has a turn of its own, behind what was asked for and ahead of what comes later', async () => {
  const { begun, turns } = runs();
  const first = turns.ask();
  await settled();
  const { promise, resolve } = Promise.withResolvers<string>();
  let isAlone = false;
  const alone = turns.alone(() => {
    isAlone = true;
    return promise;
  });
  await settled();
  expect(isAlone).toBe(false);
  begun[0]?.end();
  expect(await first).toBe(1);
  await settled();
  expect(isAlone).toBe(true);
  const second = turns.ask();
  await settled();
  expect(begun).toHaveLength(1);
  resolve('done');
  expect(await alone).toBe('done');
  await settled();
  begun[1]?.end();
  expect(await second).toBe(2);
});
