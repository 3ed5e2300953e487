import { expect, it } from 'vitest';
import { LinkWork } from '../../../src/kernel/link-work.ts';
import { splitDatagram } from '../../../src/netlink/message.ts';

const TYPES: Readonly<Record<number, string>> = { 17: 'remove', 19: 'down' };

/** A kernel that works when it is told to. */
function laboratory() {
  const calls: { readonly tasks: readonly string[]; done(sent: boolean): void }[] = [];
  const raised: number[] = [];
  const work = new LinkWork(
    {
      send: () => expect.unreachable('nobody waits'),
      receive: () => undefined,
      close: () => undefined,
      sendInBackground(bytes, done) {
        const { messages } = splitDatagram(bytes);
        const tasks = messages.map(({ type, payload }) => `${TYPES[type]} ${payload[4]}`);
        calls.push({ tasks, done });
      },
    },
    (index) => raised.push(index),
  );
  return { work, calls, raised, finish: () => calls.at(-1)?.done(true) };
}

it('does one thing after the other, each link’s newest, many at a time', () => {
  const lab = laboratory();
  lab.work.down(1);
  lab.work.down(2);
  lab.work.remove(2);
  lab.work.down(2);
  lab.work.remove(3);
  lab.finish();
  lab.finish();
  expect(lab.calls.map(({ tasks }) => tasks)).toEqual([['down 1'], ['remove 2', 'remove 3']]);
});

it('gives whoever set a link up the last word', () => {
  const lab = laboratory();
  lab.work.down(1);
  lab.work.supersede(1);
  lab.work.down(2);
  lab.work.supersede(2);
  lab.finish();
  expect(lab.raised).toEqual([1]);
  expect(lab.calls.length).toBe(1);
});

it('and whoever set it down after that', () => {
  const lab = laboratory();
  lab.work.down(1);
  lab.work.supersede(1);
  lab.work.down(1);
  lab.finish();
  expect(lab.raised).toEqual([]);
  expect(lab.calls.at(-1)?.tasks).toEqual(['down 1']);
});

it('is settled when the last has ended, and does nothing more once it is closed', async () => {
  const lab = laboratory();
  await lab.work.settled();
  lab.work.down(1);
  lab.work.supersede(1);
  lab.work.remove(2);
  const settling = lab.work.settled();
  lab.work.close();
  lab.finish();
  await settling;
  expect(lab.raised).toEqual([]);
  expect(lab.calls.length).toBe(1);
});
