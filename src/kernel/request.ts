/**
 * Requests to the kernel over netlink, and their answers. The kernel answers inside `send`, so all of it is
 * synchronous: whatever is not queued when `send` returns will not come, and is an error, never a wait.
 */

import { reasonOf } from '../model/reason.ts';
import { atOnce, type Steps } from '../model/steps.ts';
import {
  type Acknowledgement,
  decodeDone,
  decodeError,
  encodeMessages,
  type Message,
  MessageWalk,
  NLM_F,
  NLMSG,
  type OutgoingMessage,
  splitDatagram,
} from '../netlink/message.ts';
import { Malformed } from '../netlink/reader.ts';
import { type Attempt, KernelAnswerError, KernelError } from './kernel-error.ts';

/** What a request needs of a socket (sys/netlink-socket.ts). */
export interface NetlinkTransport {
  send(messages: Uint8Array): void;
  /** The next datagram in the queue; its bytes may be overwritten by the next call. */
  receive(): Uint8Array | undefined;
  close(): void;
}

/** One that can also send without waiting for the kernel: see sys/netlink-socket.ts. */
export interface BackgroundTransport extends NetlinkTransport {
  sendInBackground(messages: Uint8Array, done: (sent: boolean) => void): void;
}

/** Requests made ready to be sent in one piece. */
export interface PreparedBatch {
  readonly bytes: Uint8Array;
  /** When it was sent: reads the answers and gives what became of each request. */
  collect(): readonly (Error | undefined)[];
}

export interface NetlinkRequest {
  readonly attempt: Attempt;
  readonly type: number;
  /** NLM_F_CREATE, NLM_F_REPLACE and the like; what makes it a request is added here. */
  readonly flags?: number;
  readonly payload: Uint8Array;
}

/** The next message takes the place of the one that is given. */
type Decode<Value> = (message: MessageWalk) => Value | Malformed | undefined;

/** How often a dump is tried again because the table changed while the kernel was listing it. */
const DUMP_ATTEMPTS = 10;
/** Messages in one `send`. A refusal takes about 1 KiB of the receive buffer, which has 208 KiB by default. */
export const BATCH = 64;
/** Datagrams that one request may be answered with: some hundred times more than the largest table needs. */
const MOST_DATAGRAMS = 200_000;

export class NetlinkRequester {
  readonly #socket: NetlinkTransport;
  #sequence = 0;

  constructor(socket: NetlinkTransport) {
    this.#socket = socket;
  }

  /** Makes one request and gives the messages that the kernel answered before its acknowledgement. */
  request(request: NetlinkRequest): readonly Message[] {
    const { attempt } = request;
    const sequence = this.#next();
    return this.#exchange(attempt, encode(request, NLM_F.ack, sequence), () => {
      const answers: Message[] = [];
      for (const message of this.#answers(attempt, sequence, sequence)) {
        if (message.type === NLMSG.error) {
          accept(attempt, decodeError(message));
          return answers;
        }
        answers.push(message);
      }
      throw new KernelAnswerError(attempt, 'the kernel did not acknowledge it');
    });
  }

  /**
   * Lists a table. `decode` turns each message into an entry, or undefined for one to leave out, and may keep no view of
   * it: the next one comes into the same buffer. A listing that the kernel says was interrupted by a change is made again.
   */
  dump<Value>(request: NetlinkRequest, decode: Decode<Value>): readonly Value[] {
    return atOnce(this.dumpSteps(request, decode));
  }

  /** As `dump`, with a rest after each datagram; until its end nothing else may be asked here. */
  *dumpSteps<Value>(request: NetlinkRequest, decode: Decode<Value>): Steps<readonly Value[]> {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const entries = yield* this.#dumpOnce(request, decode);
      if (entries !== undefined) return entries;
    }
    throw new KernelAnswerError(request.attempt, `it changed during each of ${DUMP_ATTEMPTS} listings`);
  }

  /** Makes requests in order, many to a send, and gives what became of each; one that is refused stops no other. */
  batch(requests: readonly NetlinkRequest[]): readonly (Error | undefined)[] {
    const outcomes: (Error | undefined)[] = [];
    for (let at = 0; at < requests.length; at += BATCH)
      outcomes.push(...this.#sendTogether(requests.slice(at, at + BATCH)));
    return outcomes;
  }

  close(): void {
    this.#socket.close();
  }

  *#dumpOnce<Value>(request: NetlinkRequest, decode: Decode<Value>): Steps<readonly Value[] | undefined> {
    const { attempt } = request;
    const sequence = this.#next();
    let isRead = false;
    try {
      this.#socket.send(encode(request, NLM_F.dump, sequence));
      const entries: Value[] = [];
      const message = new MessageWalk();
      let interrupted = false;
      for (const bytes of this.#datagrams(attempt)) {
        message.begin(bytes);
        while (message.next()) {
          const { type } = message;
          if (message.sequence !== sequence || type === NLMSG.noop) continue;
          interrupted ||= (message.flags & NLM_F.dumpInterrupted) !== 0;
          if (type === NLMSG.done || type === NLMSG.error) {
            accept(attempt, type === NLMSG.done ? decodeDone(message) : decodeError(message));
            isRead = true;
            return interrupted ? undefined : entries;
          }
          const entry = decode(message);
          if (entry instanceof Malformed) throw new KernelAnswerError(attempt, entry.reason);
          if (entry !== undefined) entries.push(entry);
        }
        if (message.problem !== undefined) throw new KernelAnswerError(attempt, message.problem);
        yield;
      }
      throw new KernelAnswerError(attempt, 'the listing has no end');
    } catch (error) {
      throw asOurs(attempt, error);
    } finally {
      // Also where whoever listed did not want the rest.
      if (!isRead) this.#drain();
    }
  }

  /**
   * Up to `BATCH` requests for one `send`. Only the last is to be acknowledged: the kernel works through them in order
   * and answers a refused one unasked, so that when the last answer is there, what was not answered before it was done.
   */
  prepare(requests: readonly NetlinkRequest[]): PreparedBatch {
    return this.#prepare(requests, () => undefined);
  }

  #sendTogether(requests: readonly NetlinkRequest[]): readonly (Error | undefined)[] {
    const batch = this.#prepare(requests, () => this.#socket.send(batch.bytes));
    return batch.collect();
  }

  #prepare(requests: readonly NetlinkRequest[], send: () => void): PreparedBatch {
    const first = requests.map(() => this.#next())[0] ?? 0;
    const last = requests.length - 1;
    const bytes = encodeMessages(
      requests.map((request, i) => outgoing(request, i === last ? NLM_F.ack : 0, sequenceAfter(first, i))),
    );
    return { bytes, collect: () => this.#collect(requests, first, send) };
  }

  #collect(
    requests: readonly NetlinkRequest[],
    first: number,
    send: () => void,
  ): readonly (Error | undefined)[] {
    const last = requests.length - 1;
    const refused = new Map<number, Error>();
    let failure: Error | undefined;
    try {
      send();
      for (const message of this.#answers(batchAttempt(requests), first, sequenceAfter(first, last))) {
        const place = (message.sequence - first) >>> 0;
        const request = requests[place];
        if (message.type !== NLMSG.error || request === undefined) continue;
        const error = refusal(request.attempt, decodeError(message));
        if (error !== undefined) refused.set(place, error);
        if (place === last) return requests.map((_, i) => refused.get(i));
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      this.#drain();
    }
    return requests.map(
      ({ attempt }, place) =>
        refused.get(place) ?? new KernelAnswerError(attempt, 'the kernel did not acknowledge it', failure),
    );
  }

  /** Sends, reads the answer, and on an error leaves nothing of it behind for the next request. */
  #exchange<Result>(attempt: Attempt, bytes: Uint8Array, read: () => Result): Result {
    try {
      this.#socket.send(bytes);
      return read();
    } catch (error) {
      this.#drain();
      throw asOurs(attempt, error);
    }
  }

  /** What is queued of the answers to the requests numbered `first` to `last`. Anything else is left out. */
  *#answers(attempt: Attempt, first: number, last: number): Generator<Message> {
    for (const bytes of this.#datagrams(attempt)) {
      const { messages, problem } = splitDatagram(new Uint8Array(bytes));
      for (const message of messages) {
        if (message.type === NLMSG.noop) continue;
        if ((message.sequence - first) >>> 0 <= (last - first) >>> 0) yield message;
      }
      if (problem !== undefined) throw new KernelAnswerError(attempt, problem);
    }
  }

  /** What is queued, each until the next is asked for. */
  *#datagrams(attempt: Attempt): Generator<Uint8Array> {
    for (let count = 0; count < MOST_DATAGRAMS; count++) {
      const bytes = this.#socket.receive();
      if (bytes === undefined) return;
      yield bytes;
    }
    throw new KernelAnswerError(attempt, `no end after ${MOST_DATAGRAMS} datagrams`);
  }

  /** Empties the queue: the rest of a dump would make the kernel refuse the next one with EBUSY. */
  #drain(): void {
    for (let count = 0; count < MOST_DATAGRAMS; count++) {
      try {
        if (this.#socket.receive() === undefined) return;
      } catch (error) {
        // The overrun is reported once, and what is queued can still be read; any other error ends it.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOBUFS')) return;
      }
    }
  }

  #next(): number {
    this.#sequence = sequenceAfter(this.#sequence, 1);
    return this.#sequence;
  }
}

function asOurs(attempt: Attempt, error: unknown): unknown {
  if (error instanceof KernelError || error instanceof KernelAnswerError) return error;
  return new KernelAnswerError(attempt, reasonOf(error), error);
}

const sequenceAfter = (sequence: number, count: number): number => (sequence + count) >>> 0;

const outgoing = (
  { type, flags, payload }: NetlinkRequest,
  more: number,
  sequence: number,
): OutgoingMessage => ({ type, flags: NLM_F.request | more | (flags ?? 0), sequence, payload });

const encode = (request: NetlinkRequest, more: number, sequence: number): Uint8Array =>
  encodeMessages([outgoing(request, more, sequence)]);

const batchAttempt = (requests: readonly NetlinkRequest[]): Attempt => ({
  operation: 'send',
  object: `${requests.length} requests to the kernel`,
});

function refusal(attempt: Attempt, answer: Acknowledgement | Malformed): Error | undefined {
  if (answer instanceof Malformed) return new KernelAnswerError(attempt, answer.reason);
  return answer.errno === 0 ? undefined : new KernelError(attempt, answer.errno, answer.text);
}

function accept(attempt: Attempt, answer: Acknowledgement | Malformed): void {
  const error = refusal(attempt, answer);
  if (error !== undefined) throw error;
}
