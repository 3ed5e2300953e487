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

/** A request that is not carried out, with the HTTP status that says why. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

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

/** Throws a Refusal unless the bytes are a PlanRequest in JSON. */
export function parsePlanRequest(body: Uint8Array): PlanRequest {
  const value = parseJson(body);
  if (
    typeof value !== 'object' ||
    value === null ||
    !('file' in value && typeof value.file === 'string') ||
    !('text' in value && typeof value.text === 'string')
  ) {
    throw new Refusal(400, 'the body is not {"file": "its name", "text": "its contents"}');
  }
  return { file: value.file, text: value.text };
}

/** Throws a Refusal unless the bytes are a HandoverRequest in JSON. */
export function parseHandoverRequest(body: Uint8Array): HandoverRequest {
  const value = parseJson(body);
  const names = namesIn(value);
  const stayDown =
    typeof value === 'object' && value !== null && 'stayDown' in value ? value.stayDown : false;
  if (names === undefined || typeof stayDown !== 'boolean') {
    throw new Refusal(400, 'the body is not {"names": ["a virtual router", …], "stayDown": true or false}');
  }
  return { names, stayDown };
}

/** Throws a Refusal unless the bytes are a RestoreRequest in JSON. */
export function parseRestoreRequest(body: Uint8Array): RestoreRequest {
  const names = namesIn(parseJson(body));
  if (names === undefined) throw new Refusal(400, 'the body is not {"names": ["a virtual router", …]}');
  return { names };
}

const OVERRIDE =
  'the body is not {"service": "its name", "server": "10.1.1.2:80", "action": "drain", "disable", "enable" or ' +
  '"weight"} with, where wanted, "reason", the "weight" (0 to 2147483647), the "timeout" of drain (milliseconds, up ' +
  'to a year) and the "sudoUser" who asks as root';
const ACTIONS: readonly unknown[] = ['drain', 'disable', 'enable', 'weight'];
const A_YEAR = 365 * 24 * 3_600_000;

/** Throws a Refusal unless the bytes are an OverrideDemand in JSON. */
export function parseOverrideDemand(body: Uint8Array): OverrideDemand {
  const value = parseJson(body);
  if (!isOverrideDemand(value)) throw new Refusal(400, OVERRIDE);
  const { service, server, action, weight, timeout, reason, sudoUser } = value;
  return { service, server, action, weight, timeout, reason, sudoUser };
}

function isOverrideDemand(value: unknown): value is OverrideDemand {
  if (typeof value !== 'object' || value === null) return false;
  const { service, server, action, weight, timeout, reason, sudoUser } = value as Readonly<
    Record<string, unknown>
  >;
  return (
    isText(service, 256) &&
    isText(server, 256) &&
    (sudoUser === undefined || isText(sudoUser, 256)) &&
    (reason === undefined || isText(reason, 4_096)) &&
    ACTIONS.includes(action) &&
    (action === 'weight' ? isWithin(weight, 0x7fffffff) : weight === undefined) &&
    (timeout === undefined || (action === 'drain' && isWithin(timeout, A_YEAR)))
  );
}

const isText = (value: unknown, limit: number): boolean => typeof value === 'string' && value.length <= limit;

const isWithin = (value: unknown, limit: number): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= limit;

/** More names than this fit no configuration. */
const MOST_NAMES = 10_000;

function namesIn(value: unknown): readonly string[] | undefined {
  if (typeof value !== 'object' || value === null || !('names' in value)) return undefined;
  const { names } = value;
  if (!Array.isArray(names) || names.length > MOST_NAMES) return undefined;
  return names.every((name): name is string => typeof name === 'string') ? names : undefined;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const why = reasonOf(error);
    throw new Refusal(400, `the body is not JSON in UTF-8: ${why}`, { cause: error });
  }
}
