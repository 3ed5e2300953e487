/**
 * One etcd server, spoken to through its HTTP/JSON gateway. Node's own HTTP client, since the manager has it loaded:
 * undici's parser would cost it another 13 MB (measured), and etcd's own packages speak gRPC, which costs more.
 */
import type * as http from 'node:http';
import type * as https from 'node:https';
import { Agent, loadHttps, request } from '../../control/http.ts';
import type { Arbiter } from '../../model/guard.ts';
import { durationText, type Milliseconds } from '../../model/units.ts';
import { patiently } from '../../sys/patience.ts';
import { readRegularFile } from '../../sys/regular-file.ts';
import { EtcdError } from './etcd-error.ts';

/** Longest answer that is read, in characters: ours are all under a kilobyte. */
const LONGEST_ANSWER = 256 * 1024;
/** In characters: what is kept of the reason that etcd, or whoever answers in its place, gives for a refusal. */
const LONGEST_REASON = 300;
/** In bytes: all the authorities that a machine knows take up a quarter of it. */
const LONGEST_CERTIFICATES = 1024 * 1024;
/** Hundreds of units share so many connections for their requests. */
const MOST_CONNECTIONS = 16;
/** After which an idle connection is closed, in milliseconds: nobody else closes those of an agent that was dropped. */
const IDLE = 30_000;

export type CertificateFiles = Pick<Arbiter, 'caFile' | 'certFile' | 'keyFile'>;

export interface Call {
  /** Under /v3/: `kv/range`. */
  readonly path: string;
  readonly body: object;
  /** Of a login. */
  readonly token: string | undefined;
  /** For the whole answer; of a stream: for its first line. */
  readonly limit: Milliseconds;
  readonly signal: AbortSignal;
}

export class Endpoint {
  readonly url: string;
  readonly #files: CertificateFiles;
  readonly #secure: boolean;
  /** Connections for requests, kept open and shared; a stream has one of its own for as long as it lasts. */
  #agent: http.Agent | undefined;
  #streams: http.Agent | undefined;

  /** `url`: `https://host:2379`. */
  constructor(url: string, files: CertificateFiles) {
    this.url = url.replace(/\/+$/, '');
    this.#files = files;
    this.#secure = this.url.startsWith('https:');
  }

  /** The answer as parsed JSON; of the gateway's streams the first message. Throws EtcdError. */
  post(call: Call): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const exchange = new Exchange(this.url, call, {
      onMessage: resolve,
      onEnd: (error) => reject(error ?? new EtcdError(`${this.url}: an empty answer`)),
      onBroken: () => this.#drop(),
    });
    exchange.start(() => {
      this.#agent ??= this.#newAgent({ keepAlive: true, maxSockets: MOST_CONNECTIONS, timeout: IDLE });
      return this.#open(call, this.#agent);
    });
    return promise;
  }

  /** Calls `onMessage` for every message until the stream ends: resolves then. Throws EtcdError. */
  stream(call: Call, onMessage: (message: unknown) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const exchange = new Exchange(this.url, call, {
      onMessage: (message) => {
        exchange.unlimit();
        onMessage(message);
      },
      onEnd: (error) => (error === undefined ? resolve() : reject(error)),
      onBroken: () => this.#drop(),
    });
    exchange.start(() => {
      this.#streams ??= this.#newAgent({ keepAlive: false });
      return this.#open(call, this.#streams);
    });
    return promise;
  }

  close(): void {
    this.#agent?.destroy();
    this.#streams?.destroy();
    this.#agent = undefined;
    this.#streams = undefined;
  }

  #newAgent(options: http.AgentOptions): http.Agent {
    return this.#secure
      ? new (loadHttps().Agent)({ ...options, ...certificates(this.#files) })
      : new Agent(options);
  }

  #open({ path, token }: Call, agent: http.Agent): http.ClientRequest {
    const send = this.#secure ? loadHttps().request : request;
    return send(`${this.url}/v3/${path}`, {
      method: 'POST',
      agent,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: token }),
      },
    });
  }

  /** Certificates may have been renewed, and a name may lead elsewhere: the next connection is a new one. */
  #drop(): void {
    for (const sockets of Object.values(this.#agent?.freeSockets ?? {}))
      for (const socket of sockets ?? []) socket.destroy();
    this.#agent = undefined;
    this.#streams = undefined;
  }
}

interface Receiver {
  onMessage(message: unknown): void;
  /** Once, last. */
  onEnd(error: EtcdError | undefined): void;
  /** The connection failed, before `onEnd` says so. */
  onBroken(): void;
}

/** One request and what comes back, until its end, its limit or its abortion, whichever is first. */
class Exchange {
  readonly #url: string;
  readonly #call: Call;
  readonly #to: Receiver;
  readonly #aborted = () =>
    this.#end(new EtcdError('no longer wanted', undefined, { cause: this.#call.signal.reason }));
  readonly #relent: () => void;
  #request: http.ClientRequest | undefined;
  #done = false;

  constructor(url: string, call: Call, to: Receiver) {
    this.#url = url;
    this.#call = call;
    this.#to = to;
    this.#relent = patiently(call.limit, () => this.#fail(`no answer within ${durationText(call.limit)}`));
  }

  /** `open` makes the request, or throws why there can be none. */
  start(open: () => http.ClientRequest): void {
    const { signal, body } = this.#call;
    if (signal.aborted) {
      this.#aborted();
      return;
    }
    signal.addEventListener('abort', this.#aborted);
    try {
      this.#request = open();
    } catch (cause) {
      this.#fail((cause as Error).message, cause);
      return;
    }
    this.#request.on('error', (cause) => this.#fail(errorText(cause), cause));
    this.#request.on('response', (response) => this.#read(response));
    this.#request.end(JSON.stringify(body));
  }

  unlimit(): void {
    this.#relent();
  }

  /** The gateway ends each message of a stream with a newline; a single answer goes without. */
  #read(response: http.IncomingMessage): void {
    const status = response.statusCode ?? 0;
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST_ANSWER) this.#fail(`an answer of more than ${LONGEST_ANSWER} characters`);
      for (const line of lines) this.#take(line, status);
    });
    response.on('end', () => {
      this.#take(rest, status);
      this.#end(undefined);
    });
    response.on('error', (cause) => this.#fail(errorText(cause), cause));
  }

  #take(line: string, status: number): void {
    if (this.#done || line.trim() === '') return;
    const message = unwrap(line, status, this.#url);
    if (message instanceof EtcdError) this.#end(message);
    else this.#to.onMessage(message);
  }

  #fail(message: string, cause?: unknown): void {
    if (this.#done) return;
    this.#to.onBroken();
    this.#end(new EtcdError(`${this.#url}: ${message}`, undefined, { cause }));
  }

  #end(error: EtcdError | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.#relent();
    this.#call.signal.removeEventListener('abort', this.#aborted);
    if (error !== undefined) this.#request?.destroy();
    this.#to.onEnd(error);
  }
}

/** Read anew for every new agent, so that renewed certificates are taken up. Throws what the file system says. */
const certificates = ({ caFile, certFile, keyFile }: CertificateFiles): https.AgentOptions => ({
  ...(caFile === undefined ? {} : { ca: contents(caFile) }),
  ...(certFile === undefined ? {} : { cert: contents(certFile) }),
  ...(keyFile === undefined ? {} : { key: contents(keyFile) }),
});

const contents = (file: string): Buffer => Buffer.from(readRegularFile(file, LONGEST_CERTIFICATES));

/** One line as its message: out of a stream's wrapping, and as an EtcdError where it is one. Never throws. */
function unwrap(line: string, status: number, url: string): unknown {
  const message = parseObject(line);
  if (message === undefined) {
    return new EtcdError(`${url}: HTTP status ${status}, not an answer of etcd's: ${line.slice(0, 80)}`);
  }
  const { error, code } = message;
  if (typeof error === 'string')
    return new EtcdError(error.slice(0, LONGEST_REASON), typeof code === 'number' ? code : undefined);
  if (typeof error === 'object' && error !== null) {
    const { grpc_code: grpc, message: text } = error as { grpc_code?: unknown; message?: unknown };
    return new EtcdError(String(text).slice(0, LONGEST_REASON), typeof grpc === 'number' ? grpc : undefined);
  }
  if (status !== 200) return new EtcdError(`${url}: HTTP status ${status}: ${line.slice(0, 80)}`);
  return message.result ?? message;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Node tells of several addresses that were tried in an AggregateError without a text of its own. */
const errorText = (error: Error): string =>
  error.message !== ''
    ? error.message
    : error instanceof AggregateError
      ? error.errors.map((each: Error) => each.message).join('; ')
      : String((error as NodeJS.ErrnoException).code ?? error.name);
