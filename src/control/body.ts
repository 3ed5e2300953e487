/** The body of a request: read within a limit, and taken for what it should be or refused. */
import type { IncomingMessage } from 'node:http';
import { MAX_BODY, type PlanRequest } from './api.ts';

/** A request that is not carried out, with the HTTP status that says why. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * All bytes of the request's body. One that is too long is read to its end and dropped, since a client that is cut
 * off in the middle of writing does not read the answer; the server's time limit for a request bounds that.
 */
export async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (length > MAX_BODY) throw new Refusal(413, `the body is larger than ${MAX_BODY} bytes`);
  return Buffer.concat(chunks);
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

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(400, `the body is not JSON in UTF-8: ${why}`, { cause: error });
  }
}
