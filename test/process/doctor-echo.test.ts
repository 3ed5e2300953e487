/** Whether somebody answers, asked by a process that stands still meanwhile. */
import { expect, it } from 'vitest';
import { echo } from '../../src/doctor/echo.ts';
import type { IpAddress } from '../../src/model/address.ts';
import { milliseconds } from '../../src/model/units.ts';

const HERE = '127.0.0.1' as IpAddress;
const LOOPBACK = { name: 'lo', index: 1 };
const PATIENCE = milliseconds(40);

/** For three times as long as is waited for answers. */
function standStill(): void {
  for (const until = performance.now() + 3 * PATIENCE; performance.now() < until; );
}

it('hears who answers, though it stood still for longer than it waits', async () => {
  const reply = echo(HERE, HERE, LOOPBACK, [LOOPBACK], PATIENCE);
  standStill();
  expect(await reply).toMatchObject({ link: 'lo' });
});
