/** The command line's end of the control socket. */
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type {
  HandoverDocument,
  OverrideDocument,
  OverridesDocument,
  PlanDocument,
  ReloadDocument,
  RestoreDocument,
  StatusDocument,
} from '../model/status.ts';
import { milliseconds } from '../model/units.ts';
import { patiently } from '../sys/patience.ts';
import type { ErrorDocument, HandoverRequest, OverrideDemand, PlanRequest, RestoreRequest } from './api.ts';
import { request } from './http.ts';
import { checkSocketPath } from './socket-path.ts';

/**
 * Milliseconds that a request may take in all; a plan goes through tables of sixty thousand entries, a reload makes
 * them and waits for the other processes to take the configuration, a hand-over for the successor.
 */
const TIME_LIMITS = {
  status: 10_000,
  plan: 120_000,
  reload: 180_000,
  handover: 120_000,
  resume: 10_000,
  override: 30_000,
  overrides: 10_000,
} as const;

/** Why a request came to nothing, in words for the terminal. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

export interface ControlClient {
  status(): Promise<StatusDocument>;
  plan(request: PlanRequest): Promise<PlanDocument>;
  reload(): Promise<ReloadDocument>;
  handover(request: HandoverRequest): Promise<HandoverDocument>;
  resume(request: RestoreRequest): Promise<RestoreDocument>;
  override(demand: OverrideDemand): Promise<OverrideDocument>;
  overrides(): Promise<OverridesDocument>;
}

/**
 * A client of the daemon that listens on the unix socket `path`. Each method rejects with a ControlError when nobody
 * answers, when the caller may not ask, when the time limit passes, or when the daemon refuses.
 */
export function controlClient(
  path: string,
  limits: Readonly<Record<keyof ControlClient, number>> = TIME_LIMITS,
) {
  const call = <Document>(method: string, name: keyof ControlClient, body?: unknown) =>
    exchange(path, method, `/v1/${name}`, body, limits[name]) as Promise<Document>;
  return {
    status: () => call<StatusDocument>('GET', 'status'),
    plan: (document) => call<PlanDocument>('POST', 'plan', document),
    reload: () => call<ReloadDocument>('POST', 'reload'),
    handover: (document) => call<HandoverDocument>('POST', 'handover', document),
    resume: (document) => call<RestoreDocument>('POST', 'resume', document),
    override: (document) => call<OverrideDocument>('POST', 'override', document),
    overrides: () => call<OverridesDocument>('GET', 'overrides'),
  } satisfies ControlClient;
}

async function exchange(
  path: string,
  method: string,
  url: string,
  body: unknown,
  limit: number,
): Promise<unknown> {
  let response: IncomingMessage;
  let answer: string;
  const late = new AbortController();
  const { signal } = late;
  const relent = patiently(milliseconds(limit), () => late.abort());
  try {
    checkSocketPath(path);
    response = await send(path, method, url, body === undefined ? '' : JSON.stringify(body), signal);
    answer = await text(response);
  } catch (error) {
    throw new ControlError(signal.aborted ? tooLate(path, limit) : explain(error, path), { cause: error });
  } finally {
    relent();
  }
  const document = parse(answer, path);
  if (response.statusCode === 200) return document;
  const reason = isErrorDocument(document) ? document.error : answer.trim();
  throw new ControlError(`the daemon refused: ${reason}`);
}

function send(
  socketPath: string,
  method: string,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // No agent: one request a connection, and nothing that keeps the command from ending.
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      Host: 'vipward',
    };
    request({ socketPath, method, path, headers, agent: false, signal }, resolve)
      .once('error', reject)
      .end(body);
  });
}

function parse(answer: string, path: string): unknown {
  try {
    return JSON.parse(answer);
  } catch (error) {
    throw new ControlError(`what answers on ${path} does not speak vipward's JSON`, { cause: error });
  }
}

const isErrorDocument = (value: unknown): value is ErrorDocument =>
  typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'string';

const tooLate = (path: string, limit: number): string =>
  `the daemon on ${path} has not answered within ${limit / 1000} s: see systemctl status vipward`;

function explain(error: unknown, path: string): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return `no daemon answers on ${path}: is vipward running? See systemctl status vipward`;
    case 'EACCES':
    case 'EPERM':
      return `you may not use ${path}: only its owner and its group may; try it as root`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `the daemon on ${path} hung up before it answered: see journalctl -u vipward`;
    default:
      return `cannot ask the daemon on ${path}: ${error.message}`;
  }
}
