import { expect, it } from 'vitest';
import { Renewals } from '../../../src/kernel/renewals.ts';
import { formatPrefix, type IpAddress, type Prefix } from '../../../src/model/address.ts';
import { instant, seconds } from '../../../src/model/units.ts';
import { encodeMessage, NLMSG, splitDatagram } from '../../../src/netlink/message.ts';

const VIP: Prefix = { address: '10.1.1.254' as IpAddress, length: 24 };
const OTHER: Prefix = { address: '10.1.1.253' as IpAddress, length: 24 };
const LINK = 7;
const refuses = (): void => expect.unreachable('nothing is refused');

/** A kernel that works when it is told to: what it holds, and for how long. */
function laboratory() {
  const kernel = new Map<string, number | 'forever'>();
  const calls: { bytes: Uint8Array; wants: (() => void)[]; done: (sent: boolean) => void }[] = [];
  const answers: Uint8Array[] = [];
  let prepared: (() => void)[] = [];
  const puts: string[] = [];
  let now = 0;
  let closed = false;
  const renewals = new Renewals({
    transport: {
      send: () => expect.unreachable('renewals do not wait'),
      sendInBackground(bytes, done) {
        calls.push({ bytes, wants: prepared, done });
        prepared = [];
      },
      receive: () => answers.shift(),
      close: () => {
        closed = true;
      },
    },
    request(_index, prefix, lifetime) {
      prepared.push(() => kernel.set(formatPrefix(prefix), lifetime));
      return {
        attempt: { operation: 'put', object: formatPrefix(prefix) },
        type: 20,
        payload: new Uint8Array(8),
      };
    },
    put(_index, prefixes, lifetime) {
      for (const prefix of prefixes) {
        puts.push(formatPrefix(prefix));
        kernel.set(formatPrefix(prefix), lifetime);
      }
      return [];
    },
    remove(_index, prefixes) {
      for (const prefix of prefixes) kernel.delete(formatPrefix(prefix));
      return [];
    },
    now: () => instant(now),
  });
  return {
    renewals,
    kernel,
    calls,
    puts,
    isClosed: () => closed,
    wait(ms: number) {
      now += ms;
    },
    /** The kernel does what is under way, or refuses it all with this errno, and the call returns. */
    finish(errno = 0) {
      const call = calls.at(-1);
      if (call === undefined) throw new Error('nothing is under way');
      if (errno === 0) for (const want of call.wants) want();
      for (const { sequence } of splitDatagram(call.bytes).messages)
        answers.push(encodeMessage(NLMSG.error, 0, sequence, acknowledgement(errno)));
      call.done(true);
    },
    remove(prefix: Prefix) {
      renewals.forget(LINK, [prefix]);
      kernel.delete(formatPrefix(prefix));
    },
    put(prefix: Prefix, lifetime: number) {
      renewals.superseded(LINK, [prefix], seconds(lifetime));
      kernel.set(formatPrefix(prefix), lifetime);
    },
  };
}

/** struct nlmsgerr: the errno, negated, and the header of the request. */
const acknowledgement = (errno: number): Uint8Array => {
  const bytes = new Uint8Array(20);
  new DataView(bytes.buffer).setInt32(0, -errno, true);
  return bytes;
};

it('removes again what a renewal put back after the removal, and leaves the others', () => {
  const lab = laboratory();
  lab.renewals.renew(LINK, [VIP, OTHER], seconds(1), refuses);
  lab.remove(VIP);
  lab.finish();
  expect([...lab.kernel.keys()]).toEqual([formatPrefix(OTHER)]);
  expect(lab.calls.length).toBe(1);
});

it('does not remove what was put again after the removal, and gives it the newer lifetime', () => {
  const lab = laboratory();
  lab.renewals.renew(LINK, [VIP], seconds(1), refuses);
  lab.remove(VIP);
  lab.put(VIP, 4);
  lab.finish();
  expect(lab.kernel.get(formatPrefix(VIP))).toBe(1);
  lab.finish();
  expect([...lab.kernel]).toEqual([[formatPrefix(VIP), 4]]);
  expect(lab.calls.length).toBe(2);
});

it('never has two under way: one that is asked for meanwhile follows, once, and not when its address is removed', () => {
  const lab = laboratory();
  for (let i = 0; i < 3; i++) lab.renewals.renew(LINK, [VIP], seconds(10), refuses);
  expect(lab.calls.length).toBe(1);
  lab.finish();
  expect(lab.calls.length).toBe(2);
  lab.renewals.renew(LINK, [VIP], seconds(10), refuses);
  lab.remove(VIP);
  lab.finish();
  expect(lab.calls.length).toBe(2);
  expect([...lab.kernel]).toEqual([]);
});

it('renews at once what the thread has not renewed for half the lifetime', () => {
  const lab = laboratory();
  lab.renewals.renew(LINK, [VIP], seconds(1), refuses);
  lab.wait(499);
  lab.renewals.renew(LINK, [VIP], seconds(1), refuses);
  expect(lab.puts).toEqual([]);
  lab.wait(1);
  lab.renewals.renew(LINK, [VIP], seconds(1), refuses);
  expect(lab.puts).toEqual([formatPrefix(VIP)]);
});

it('tells of a refusal, and makes at once what could not be sent', () => {
  const lab = laboratory();
  const refused: string[] = [];
  lab.renewals.renew(LINK, [VIP], seconds(1), ({ error }) => refused.push(error.message));
  lab.finish(19);
  expect(refused).toEqual([expect.stringContaining('ENODEV')]);
  lab.renewals.renew(LINK, [OTHER], seconds(1), refuses);
  lab.calls.at(-1)?.done(false);
  expect(lab.puts).toEqual([formatPrefix(OTHER)]);
});

it('is settled when the last has ended, and does nothing more once it is closed', async () => {
  const lab = laboratory();
  await lab.renewals.settled();
  lab.renewals.renew(LINK, [VIP], seconds(1), refuses);
  lab.renewals.renew(LINK, [VIP], seconds(1), refuses);
  let settled = false;
  const settling = lab.renewals.settled().then(() => {
    settled = true;
  });
  lab.finish();
  await Promise.resolve();
  expect(settled).toBe(false);
  lab.renewals.close();
  expect(lab.isClosed()).toBe(true);
  lab.finish();
  await settling;
  expect(lab.calls.length).toBe(2);
});
