/** Messages are put together in memory that holds whatever was there before. */
import { afterEach, expect, test, vi } from 'vitest';
import { encodeMessages } from '../../../src/netlink/message.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([0, 1, 2, 3, 4, 5])('what fills a payload of %i bytes up is zero', (length) => {
  vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((size) => Buffer.alloc(size, 0xff));
  const message = { type: 1, flags: 2, sequence: 3, payload: new Uint8Array(length).fill(7) };
  const bytes = encodeMessages([message, message]);
  const padded = length + ((4 - (length % 4)) % 4);
  expect(bytes).toHaveLength(2 * (16 + padded));
  const one = [...Array(length).fill(7), ...Array(padded - length).fill(0)];
  expect([...bytes.subarray(16, 16 + padded)]).toEqual(one);
  expect([...bytes.subarray(32 + padded)]).toEqual(one);
});
