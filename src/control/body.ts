/** The body of a request: read within a limit, and taken for what it should be or refused. */
import type { IncomingMessage } from 'node:http';
import { reasonOf } from '../model/reason.ts';
import {
  type HandoverRequest,
  MAX_BODY,
  type OverrideDemand,
  type PlanRequest,
  type RestoreRequest,
} from './api.ts';
import { checked, listOfTexts, oneOf, optional, text, wholeNumber, yesOrNo } from './fields.ts';
import { Refusal } from './refusal.ts';

const TOO_LARGE = new Refusal(413, `the body is larger than ${MAX_BODY} bytes`);
const CROWDED = new Refusal(503, 'other clients are sending too much: try again in some seconds');

/** How much the bodies of all clients together may hold, so that no crowd of them makes the manager grow. */
export class BodyRoom {
  #left = 4 * MAX_BODY;

  /** False when there is no room for so many bytes more. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * Calls `use` with all bytes of the request's body, which take up `room` until it has settled. A body that is too long
 * is read to its end and dropped, since a client that is cut off in the middle of writing does not read the answer; the
 * server's time limit for a request bounds that.
 */
export async function withBody<Result>(
  request: IncomingMessage,
  room: BodyRoom,
  use: (body: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const chunks: Buffer[] = [];
  let taken = 0;
  let refusal: Refusal | undefined;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      refusal ??= room.take(chunk.length) ? undefined : CROWDED;
      if (refusal === undefined) {
        taken += chunk.length;
        chunks.push(chunk);
        if (taken > MAX_BODY) refusal = TOO_LARGE;
      }
      if (refusal !== undefined) chunks.length = 0;
    }
    if (refusal !== undefined) throw refusal;
    return await use(Buffer.concat(chunks));
  } finally {
    room.give(taken);
  }
}

const PLAN = {
  file: text(4_096, 'the name by which problems call the file'),
  text: text(MAX_BODY, 'the contents of the file'),
};

/** Throws a Refusal unless the bytes are a PlanRequest in JSON. */
export const parsePlanRequest = (body: Uint8Array): PlanRequest => checked(parseJson(body), PLAN);

/** More names than this fit no configuration. */
const NAMES = listOfTexts(10_000, 'names of virtual routers; empty: all');

/** Throws a Refusal unless the bytes are a HandoverRequest in JSON. */
export function parseHandoverRequest(body: Uint8Array): HandoverRequest {
  const { names, stayDown = false } = checked(parseJson(body), {
    names: NAMES,
    stayDown: optional(yesOrNo),
  });
  return { names, stayDown };
}

/** Throws a Refusal unless the bytes are a RestoreRequest in JSON. */
export const parseRestoreRequest = (body: Uint8Array): RestoreRequest =>
  checked(parseJson(body), { names: NAMES });

const A_YEAR = 365 * 24 * 3_600_000;
const OVERRIDE = {
  service: text(256, 'the name of a service'),
  server: text(256, 'a real server of it such as 10.1.1.2:80'),
  action: oneOf(['drain', 'disable', 'enable', 'weight']),
  weight: optional(wholeNumber(0x7fffffff, 'the weight')),
  timeout: optional(wholeNumber(A_YEAR, 'milliseconds that a drain waits')),
  reason: optional(text(4_096, 'why')),
  sudoUser: optional(text(256, 'the user behind sudo')),
};

/** Throws a Refusal unless the bytes are an OverrideDemand in JSON. */
export function parseOverrideDemand(body: Uint8Array): OverrideDemand {
  const demand = checked(parseJson(body), OVERRIDE);
  const { action, weight, timeout } = demand;
  if (action === 'weight' && weight === undefined)
    throw new Refusal(400, `the field "weight" is missing: it must be ${OVERRIDE.weight.words}`);
  if (action !== 'weight' && weight !== undefined)
    throw new Refusal(400, `the field "weight" goes with the action weight alone, not with ${action}`);
  if (action !== 'drain' && timeout !== undefined)
    throw new Refusal(400, `the field "timeout" goes with the action drain alone, not with ${action}`);
  return demand;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const why = reasonOf(error);
    throw new Refusal(400, `the body is not JSON in UTF-8: ${why}`, { cause: error });
  }
}
