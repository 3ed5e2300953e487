import { describe, expect, it } from 'vitest';
import { isKernelError, KernelAnswerError } from '../../../src/kernel/kernel-error.ts';
import { NetlinkRequester } from '../../../src/kernel/request.ts';
import { encodeMessage, type Message, NLM_F, NLMSG, splitDatagram } from '../../../src/netlink/message.ts';
import { Malformed } from '../../../src/netlink/reader.ts';
import { ERRNO, SystemError } from '../../../src/sys/errors.ts';
import { REFUSAL } from './vectors.ts';

type Answer = Uint8Array | Error;

/** A kernel that answers each send with what `answer` makes of its messages. */
function talkTo(answer: (messages: readonly Message[], send: number) => Iterable<Answer>) {
  let sends = 0;
  let queue: Iterator<Answer> = [][Symbol.iterator]();
  let received = 0;
  const netlink = new NetlinkRequester({
    send(bytes) {
      queue = answer(splitDatagram(bytes).messages, sends++)[Symbol.iterator]();
    },
    receive() {
      const next = queue.next();
      if (next.done) return undefined;
      received++;
      if (next.value instanceof Error) throw next.value;
      return next.value;
    },
    close: () => undefined,
  });
  return { netlink, sends: () => sends, received: () => received };
}

const attempt = { operation: 'list', object: 'things' };
const request = { attempt, type: 30, payload: new Uint8Array(4) };
const i32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
const acknowledge = ({ sequence }: Message, error = 0): Uint8Array =>
  encodeMessage(NLMSG.error, NLM_F.capped, sequence, Buffer.concat([i32(error), new Uint8Array(16)]));
const entry = ({ sequence }: Message, value: number, flags = 0): Uint8Array =>
  encodeMessage(31, NLM_F.multi | flags, sequence, new Uint8Array([value, 0, 0, 0]));
const end = ({ sequence }: Message, error = 0, flags = 0): Uint8Array =>
  encodeMessage(NLMSG.done, NLM_F.multi | flags, sequence, i32(error));
const pack = (...messages: Uint8Array[]): Uint8Array => Buffer.concat(messages);
const one = (messages: readonly Message[]): Message => {
  const [message] = messages;
  if (message === undefined) throw new Error('nothing was sent');
  return message;
};
const firstByte = (message: Message): number => message.payload[0] ?? -1;

describe('a request', () => {
  it('gives the messages before its acknowledgement', () => {
    const { netlink } = talkTo((sent) => [pack(entry(one(sent), 5)), pack(acknowledge(one(sent)))]);
    expect(netlink.request(request).map(firstByte)).toEqual([5]);
  });

  it('asks for an acknowledgement', () => {
    let flags = 0;
    const { netlink } = talkTo((sent) => {
      flags = one(sent).flags;
      return [acknowledge(one(sent))];
    });
    netlink.request({ ...request, flags: NLM_F.create });
    expect(flags).toBe(NLM_F.request | NLM_F.ack | NLM_F.create);
  });

  it('that is refused names what was asked, the errno and the kernel’s words', () => {
    const flags = NLM_F.capped | NLM_F.acknowledgementAttributes;
    const { netlink } = talkTo((sent) => [encodeMessage(NLMSG.error, flags, one(sent).sequence, REFUSAL)]);
    expect(() => netlink.request(request)).toThrow(
      expect.objectContaining({
        message: 'list things: invalid argument (EINVAL): ipv4: address lifetime invalid',
        code: 'EINVAL',
        errno: ERRNO.EINVAL,
        kernelText: 'ipv4: address lifetime invalid',
      }),
    );
  });

  it('leaves out answers to others', () => {
    const { netlink } = talkTo((sent) => {
      const stranger = { ...one(sent), sequence: one(sent).sequence + 5 };
      return [
        pack(acknowledge(stranger, -1), entry(stranger, 8)),
        pack(entry(one(sent), 5), acknowledge(one(sent))),
      ];
    });
    expect(netlink.request(request).map(firstByte)).toEqual([5]);
  });

  it.each<[string, (sent: Message) => Answer[]]>([
    ['is not answered', () => []],
    ['is answered by a cut message', (sent) => [acknowledge(sent).subarray(0, 30)]],
    ['is answered by less than a header', () => [new Uint8Array(3)]],
    [
      'is acknowledged by nothing',
      (sent) => [encodeMessage(NLMSG.error, 0, sent.sequence, new Uint8Array(0))],
    ],
    ['is acknowledged by a positive number', (sent) => [acknowledge(sent, 7)]],
    ['meets a full queue', () => [new SystemError('recv', ERRNO.ENOBUFS, 'netlink')]],
  ])('that %s is an error, and the next one works', (_, answers) => {
    const { netlink } = talkTo((sent, send) => (send === 0 ? answers(one(sent)) : [acknowledge(one(sent))]));
    expect(() => netlink.request(request)).toThrow(KernelAnswerError);
    expect(netlink.request(request)).toEqual([]);
  });

  it('that is answered without end is given up', () => {
    const { netlink, received } = talkTo(function* ([sent]) {
      if (sent !== undefined) for (;;) yield entry(sent, 1).slice();
    });
    expect(() => netlink.request(request)).toThrow(/no end after/);
    expect(received()).toBeLessThan(1_000_000);
  });
});

describe('a dump', () => {
  it('joins its parts up to the end', () => {
    const { netlink } = talkTo((sent) => [
      pack(entry(one(sent), 1), entry(one(sent), 2)),
      pack(entry(one(sent), 3)),
      end(one(sent)),
    ]);
    expect(netlink.dump(request, firstByte)).toEqual([1, 2, 3]);
  });

  it('leaves out what its decoder leaves out', () => {
    const { netlink } = talkTo((sent) => [pack(entry(one(sent), 1), entry(one(sent), 2), end(one(sent)))]);
    expect(
      netlink.dump(request, (message) => (firstByte(message) === 1 ? undefined : firstByte(message))),
    ).toEqual([2]);
  });

  it.each([0, NLM_F.dumpInterrupted])('interrupted by a change is made again', (atEnd) => {
    const { netlink, sends } = talkTo((sent, send) => {
      const flag = send < 2 ? NLM_F.dumpInterrupted : 0;
      return [pack(entry(one(sent), send, flag & ~atEnd), end(one(sent), 0, flag))];
    });
    expect(netlink.dump(request, firstByte)).toEqual([2]);
    expect(sends()).toBe(3);
  });

  it('interrupted each time is given up', () => {
    const { netlink, sends } = talkTo((sent) => [end(one(sent), 0, NLM_F.dumpInterrupted)]);
    expect(() => netlink.dump(request, firstByte)).toThrow(/changed during each of 10/);
    expect(sends()).toBe(10);
  });

  it('reports the error at its end, and the one instead of it', () => {
    for (const last of [end, acknowledge]) {
      const { netlink } = talkTo((sent) => [pack(entry(one(sent), 1), last(one(sent), -ERRNO.ENODEV))]);
      let error: unknown;
      try {
        netlink.dump(request, firstByte);
      } catch (thrown) {
        error = thrown;
      }
      expect(isKernelError(error, 'ENODEV')).toBe(true);
    }
  });

  it('without an end, or with an entry that cannot be read, is an error and leaves nothing behind', () => {
    const { netlink, received } = talkTo((sent, send) => {
      if (send === 0) return [entry(one(sent), 1)];
      return [entry(one(sent), 1), entry(one(sent), 2), end(one(sent))];
    });
    expect(() => netlink.dump(request, firstByte)).toThrow(/no end/);
    expect(() => netlink.dump(request, () => new Malformed('thing: too thin'))).toThrow(/thing: too thin/);
    expect(received()).toBe(4);
  });
});

describe('a batch', () => {
  const requests = Array.from({ length: 150 }, (_, i) => ({
    ...request,
    attempt: { operation: 'add', object: `thing ${i}` },
  }));

  /** As the kernel does: in order, what was refused and what asked for it. */
  const work = (sent: readonly Message[], errno: (message: Message) => number): Uint8Array[] =>
    sent
      .filter((message) => errno(message) !== 0 || (message.flags & NLM_F.ack) !== 0)
      .map((message) => acknowledge(message, -errno(message)));

  it('sends many at once, has the last of each acknowledged, and finds what was refused by its number', () => {
    const sizes: number[] = [];
    const first = 1;
    const { netlink, received } = talkTo((sent) => {
      sizes.push(sent.length);
      return work(sent, ({ sequence }) => ((sequence - first) % 10 === 9 ? ERRNO.EEXIST : 0));
    });
    const outcomes = netlink.batch(requests);
    expect(sizes).toEqual([64, 64, 22]);
    outcomes.forEach((error, i) => {
      expect(error?.message).toBe(i % 10 === 9 ? `add thing ${i}: file already exists (EEXIST)` : undefined);
    });
    // 15 were refused, the very last among them.
    expect(received()).toBe(17);
  });

  it('without its last acknowledgement is unknown, but for what was refused', () => {
    const { netlink } = talkTo((sent) => sent.slice(0, 1).map((each) => acknowledge(each, -ERRNO.EEXIST)));
    const outcomes = netlink.batch(requests.slice(0, 2));
    expect(outcomes.map((error) => error?.message)).toEqual([
      'add thing 0: file already exists (EEXIST)',
      'add thing 1: the kernel did not acknowledge it',
    ]);
  });

  it('a full queue makes unknown only what was sent with it', () => {
    const lost = new SystemError('recv', ERRNO.ENOBUFS, 'netlink');
    const { netlink } = talkTo((sent, send) => (send === 0 ? [lost] : work(sent, () => 0)));
    const outcomes = netlink.batch(requests);
    expect(outcomes[0]).toMatchObject({ name: 'KernelAnswerError', cause: lost });
    expect(outcomes[63]).toMatchObject({ name: 'KernelAnswerError', cause: lost });
    expect(outcomes.slice(64).every((error) => error === undefined)).toBe(true);
  });

  it('of none asks nothing', () => {
    const { netlink, sends } = talkTo(() => []);
    expect(netlink.batch([])).toEqual([]);
    expect(sends()).toBe(0);
  });
});
