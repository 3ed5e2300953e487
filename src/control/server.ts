/**
 * The daemon's end of the control socket. It runs inside the manager, so nothing that a client sends or leaves unsent
 * may stop it, grow it or make it throw.
 *
 *   connection ─ node:http, within limits ─▶ route ─▶ handler of the manager ─▶ document | ErrorDocument
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../model/messages.ts';
import { reasonOf } from '../model/reason.ts';
import { type ControlHandlers, type ErrorDocument, NoSuchName } from './api.ts';
import {
  BodyRoom,
  parseHandoverRequest,
  parseOverrideDemand,
  parsePlanRequest,
  parseRestoreRequest,
  withBody,
} from './body.ts';
import { Callers } from './caller.ts';
import { createServer } from './http.ts';
import { Refusal } from './refusal.ts';
import { claimSocketPath } from './socket-path.ts';

/** Owner and group may connect: who may write to the socket commands the director. */
const SOCKET_MODE = 0o660;
/** More clients than this at once are turned away; people and monitors are a handful. */
const MAX_CONNECTIONS = 64;
/** In milliseconds, between two lines of the log about those: they may come in thousands. */
const CROWD_INTERVAL = 60_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** In milliseconds: for the headers, and for the whole request. */
const HEADERS_TIMEOUT = 5_000;
const REQUEST_TIMEOUT = 10_000;
/** In milliseconds: for a connection on which no byte moves, such as that of a client that never reads its answer. */
const SILENCE_TIMEOUT = 120_000;
/** In milliseconds: how long answers that are under way may hold up `close`. */
const CLOSE_TIMEOUT = 1_000;

export interface ControlServer {
  /** Stops listening, removes the socket and ends every connection; answers under way get a second. */
  close(): Promise<void>;
}

interface Service {
  readonly handlers: ControlHandlers;
  readonly log: Log;
  readonly room: BodyRoom;
  readonly callers: Callers;
}

type Route = (handlers: ControlHandlers, body: Uint8Array, nameCaller: NameCaller) => Promise<unknown>;
/** Who asks; for another, where he says so and may. */
type NameCaller = (sudoUser: string | undefined) => string;

const ROUTES: Readonly<Record<string, { readonly method: string; readonly route: Route }>> = {
  '/v1/status': { method: 'GET', route: (handlers) => handlers.status() },
  '/v1/plan': { method: 'POST', route: (handlers, body) => handlers.plan(parsePlanRequest(body)) },
  '/v1/reload': { method: 'POST', route: (handlers) => handlers.reload() },
  '/v1/handover': {
    method: 'POST',
    route: (handlers, body) => handlers.handover(parseHandoverRequest(body)),
  },
  '/v1/override': {
    method: 'POST',
    route: (handlers, body, nameCaller) => {
      const { sudoUser, ...asked } = parseOverrideDemand(body);
      return handlers.override({ ...asked, by: nameCaller(sudoUser) });
    },
  },
  '/v1/overrides': { method: 'GET', route: (handlers) => handlers.overrides() },
  '/v1/resume': { method: 'POST', route: (handlers, body) => handlers.restore(parseRestoreRequest(body)) },
};

/**
 * Listens on the unix socket `path`; the directory is made if it is missing. Rejects when the path is too long, when
 * another daemon answers there, or when the kernel refuses; a dead daemon's socket is replaced.
 */
export async function serveControl(
  path: string,
  handlers: ControlHandlers,
  log: Log = () => undefined,
): Promise<ControlServer> {
  await claimSocketPath(path);
  const room = new BodyRoom();
  const callers = new Callers();
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => void answer(request, response, { handlers, log, room, callers }),
  );
  server.maxConnections = MAX_CONNECTIONS;
  // One that asks a thousand times without reading the answers would have the manager keep them all.
  server.maxRequestsPerSocket = 1;
  server.setTimeout(SILENCE_TIMEOUT);
  server.on('connection', (socket) => callers.connected(socket));
  server.on('clientError', refuseMalformed);
  tellCrowds(server, path, log);
  await listen(server, path);
  // Failures of accept (no descriptors left, for one) must not end the manager.
  server.on('error', (error) => log('warn', 'control socket', { path, error: error.message }));
  return { close: () => close(server) };
}

/** Those who are turned away are hung up on without a word: only the log can say why. */
function tellCrowds(server: Server, path: string, log: Log): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let turnedAway = 0;
  server.on('drop', () => {
    turnedAway++;
    if (performance.now() - toldAt < CROWD_INTERVAL) return;
    toldAt = performance.now();
    log('warn', `control socket: ${MAX_CONNECTIONS} clients are there, others are turned away`, {
      path,
      turnedAway,
    });
    turnedAway = 0;
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`cannot listen on ${path}: ${error.message}`, { cause: error }));
    });
    // The mode is there from the start: bind happens within this call, and takes it from the umask.
    const before = process.umask(0o777 & ~SOCKET_MODE);
    try {
      server.listen(path, () => {
        server.removeAllListeners('error');
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const impatient = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT);
    server.close(() => {
      clearTimeout(impatient);
      resolve();
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { handlers, log, room, callers }: Service,
): Promise<void> {
  try {
    const document = await withBody(request, room, (body) =>
      findRoute(request, response)(handlers, body, (user) => callers.nameOf(request.socket, user)),
    );
    send(response, 200, document);
  } catch (error) {
    if (request.destroyed && !request.complete) return; // The client left in the middle of its request.
    const status = statusOf(error);
    const message = reasonOf(error);
    if (status === 500) log('error', 'control request failed', { url: request.url, error: message });
    send(response, status, { error: message } satisfies ErrorDocument);
  }
}

function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  return error instanceof NoSuchName ? 404 : 500;
}

function findRoute(request: IncomingMessage, response: ServerResponse): Route {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const found = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (found === undefined) {
    throw new Refusal(404, `there is no ${path}, only ${Object.keys(ROUTES).join(', ')}`);
  }
  if (request.method !== found.method) {
    response.setHeader('Allow', found.method);
    throw new Refusal(405, `${path} wants ${found.method}, not ${request.method}`);
  }
  return found.route;
}

function send(response: ServerResponse, status: number, document: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(document)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** What is no HTTP, too long a header or too slow: one line of answer where the socket still takes it, then the end. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_CLIENT_ERROR[error.code ?? ''] ?? '400 Bad Request';
  const text = `${JSON.stringify({ error: `malformed request: ${error.message}` } satisfies ErrorDocument)}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}

const STATUS_OF_CLIENT_ERROR: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};
