import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Instant, after as later, milliseconds } from '../../../src/model/units.ts';
import { monotonicNow } from '../../../src/sys/clock.ts';
import { isSystemError } from '../../../src/sys/errors.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../../../src/sys/netlink-socket.ts';
import { READABLE, Reactor } from '../../../src/sys/reactor.ts';
import { DeadlineTimer } from '../../../src/sys/timer.ts';

let reactor: Reactor;
beforeEach(() => {
  reactor = new Reactor();
});
afterEach(() => {
  reactor.close();
});

/** Resolves when `count` calls were made, with the times of all. */
function calls(count: number): { readonly call: () => void; readonly made: Promise<readonly Instant[]> } {
  const times: Instant[] = [];
  const { promise, resolve } = Promise.withResolvers<readonly Instant[]>();
  const call = (): void => {
    times.push(monotonicNow());
    if (times.length === count) resolve(times);
  };
  return { call, made: promise };
}

describe('deadline timer', () => {
  it('fires once for each deadline and never before it', async () => {
    for (let i = 0; i < 20; i++) {
      const { call, made } = calls(1);
      const timer = new DeadlineTimer(reactor, call);
      const deadline = later(monotonicNow(), milliseconds(1.3 * i));
      timer.arm(deadline);
      const [fired = 0] = await made;
      expect(fired).toBeGreaterThanOrEqual(deadline);
      timer.close();
    }
  });

  it('fires at once for a deadline that has passed, and not at all when disarmed', async () => {
    const never = calls(1);
    const disarmed = new DeadlineTimer(reactor, never.call);
    disarmed.arm(later(monotonicNow(), milliseconds(1)));
    disarmed.arm(undefined);
    const { call, made } = calls(1);
    const timer = new DeadlineTimer(reactor, call);
    timer.arm(later(monotonicNow(), milliseconds(5)));
    expect(await Promise.race([never.made, made.then(() => 'the other')])).toBe('the other');
    const again = calls(1);
    const late = new DeadlineTimer(reactor, again.call);
    late.arm(later(monotonicNow(), milliseconds(-1000)));
    expect((await again.made).length).toBe(1);
    for (const each of [disarmed, timer, late]) each.close();
  });
});

describe('reactor', () => {
  it('drops an event for what an earlier handler of the same turn has closed', async () => {
    const { call, made } = calls(1);
    const timers: DeadlineTimer[] = [];
    // All are due in one turn; the first that is handled closes the others.
    for (let i = 0; i < 5; i++) {
      timers.push(
        new DeadlineTimer(reactor, () => {
          for (const timer of timers) timer.close();
          call();
        }),
      );
    }
    const past = later(monotonicNow(), milliseconds(-1));
    for (const timer of timers) timer.arm(past);
    await made;
    const next = calls(1);
    const timer = new DeadlineTimer(reactor, next.call);
    timer.arm(past);
    await next.made;
    expect((await made).length).toBe(1);
    timer.close();
  });

  it('refuses a descriptor that cannot be watched instead of ending the process', () => {
    expect(() => reactor.add(99_999, READABLE, () => undefined)).toThrow(/epoll_ctl descriptor 99999.*EBADF/);
  });

  it('lets promises run after a handler', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const timer = new DeadlineTimer(reactor, () => {
      Promise.resolve('ran').then(resolve);
    });
    timer.arm(monotonicNow());
    expect(await promise).toBe('ran');
    timer.close();
  });

  it('hears on after a netlink socket has overflowed', async () => {
    const socket = openNetlinkSocket(NETLINK_ROUTE, { receiveBuffer: 1 });
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const heard: string[] = [];
    reactor.add(socket.fd, READABLE, () => {
      try {
        for (let bytes = socket.receive(); bytes !== undefined; bytes = socket.receive()) heard.push('bytes');
      } catch (error) {
        if (!isSystemError(error, 'ENOBUFS')) throw error;
        heard.push('overflow');
        socket.send(linkRequest());
      }
      if (heard.includes('overflow') && heard.at(-1) === 'bytes') resolve(heard);
    });
    // Each request is answered inside `send`, so a small buffer is full long before anybody reads.
    for (let i = 0; i < 200; i++) socket.send(linkRequest());
    expect(await promise).toContain('overflow');
    reactor.remove(socket.fd);
    socket.close();
  });
});

/** RTM_GETLINK for interface 1, the loopback interface: one answer. */
function linkRequest(): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 18, true);
  view.setUint16(6, 1, true);
  view.setInt32(20, 1, true);
  return bytes;
}
