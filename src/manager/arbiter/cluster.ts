/** Several etcd servers as one: the next is tried when one does not answer; the login is renewed when it is refused. */
import { z } from 'zod';
import type { Arbiter } from '../../model/guard.ts';
import type { Log } from '../../model/messages.ts';
import { type Milliseconds, secondsToMilliseconds } from '../../model/units.ts';
import { type Call, Endpoint } from './endpoint.ts';
import { EtcdError, wantsLogin } from './etcd-error.ts';
import { requestLimit } from './hold-time.ts';

/** How often the log is told that etcd is still away, in milliseconds. */
const REMIND = 60_000;

/** How we stand with etcd. */
export interface ClusterStatus {
  /** undefined: not tried yet. */
  readonly reachable: boolean | undefined;
  /** The endpoint that is asked first. */
  readonly endpoint: string;
  /** Of the last request that no endpoint answered; undefined while it is reachable. */
  readonly error: string | undefined;
}

const Token = z.object({ token: z.string() });

export class Cluster {
  readonly #endpoints: readonly Endpoint[];
  readonly #limit: Milliseconds;
  readonly #login: Arbiter['login'];
  readonly #log: Log;
  /** Index of the endpoint that is asked first: the last one of which nobody has heard that it fails. */
  #preferred = 0;
  #token: string | undefined;
  #loggingIn: Promise<void> | undefined;
  #reachable: boolean | undefined;
  #error: string | undefined;
  #toldAt = 0;

  constructor(arbiter: Arbiter, log: Log) {
    this.#endpoints = arbiter.etcd.map((url) => new Endpoint(url, arbiter));
    this.#limit = requestLimit(secondsToMilliseconds(arbiter.lease));
    this.#login = arbiter.login;
    this.#log = log;
  }

  get status(): ClusterStatus {
    return { reachable: this.#reachable, endpoint: this.#at(this.#preferred).url, error: this.#error };
  }

  /** Throws EtcdError: the last endpoint's when none answers. */
  call(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    return this.#withLogin(signal, () =>
      this.#anyEndpoint(signal, (endpoint) => endpoint.post(this.#request(path, body, signal))),
    );
  }

  /** One stream, from the endpoint that answered last; resolves at its end. Throws EtcdError. */
  stream(
    path: string,
    body: object,
    signal: AbortSignal,
    onMessage: (message: unknown) => void,
  ): Promise<void> {
    return this.#withLogin(signal, () =>
      this.#at(this.#preferred).stream(this.#request(path, body, signal), onMessage),
    );
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  #request(path: string, body: object, signal: AbortSignal): Call {
    return { path, body, token: this.#token, limit: this.#limit, signal };
  }

  async #anyEndpoint<Answer>(
    signal: AbortSignal,
    ask: (endpoint: Endpoint) => Promise<Answer>,
  ): Promise<Answer> {
    const first = this.#preferred;
    for (let tried = 1; ; tried++) {
      const index = (first + tried - 1) % this.#endpoints.length;
      try {
        const answer = await ask(this.#at(index));
        this.#answered();
        return answer;
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof EtcdError && error.final) {
          this.#answered();
          throw error;
        }
        // Of many requests that fail there together, one moves on for all.
        if (this.#preferred === index) this.#preferred = (index + 1) % this.#endpoints.length;
        if (tried < this.#endpoints.length) continue;
        this.#unreachable(error as Error);
        throw error;
      }
    }
  }

  async #withLogin<Answer>(signal: AbortSignal, ask: () => Promise<Answer>): Promise<Answer> {
    if (this.#login === undefined) return ask();
    if (this.#token === undefined) await this.#logIn(this.#login, signal);
    const token = this.#token;
    try {
      return await ask();
    } catch (error) {
      if (!wantsLogin(error) || signal.aborted) throw error;
      // Another request may have renewed it meanwhile.
      if (this.#token === token) await this.#logIn(this.#login, signal);
      return ask();
    }
  }

  /** At most one login at a time, for whoever waits for it; so it does not end with the one who asked first. */
  #logIn({ user, password }: NonNullable<Arbiter['login']>, signal: AbortSignal): Promise<void> {
    const unending = new AbortController().signal;
    this.#token = undefined;
    this.#loggingIn ??= this.#anyEndpoint(unending, async (endpoint) => {
      const answer = await endpoint.post(
        this.#request('auth/authenticate', { name: user, password }, unending),
      );
      this.#token = Token.parse(answer).token;
    }).finally(() => {
      this.#loggingIn = undefined;
    });
    return abortable(this.#loggingIn, signal);
  }

  #at(index: number): Endpoint {
    const endpoint = this.#endpoints[index];
    if (endpoint === undefined) throw new RangeError('an arbiter needs at least one endpoint');
    return endpoint;
  }

  #answered(): void {
    if (this.#reachable === false) this.#log('info', `etcd answers again: ${this.#at(this.#preferred).url}`);
    this.#reachable = true;
    this.#error = undefined;
  }

  #unreachable(error: Error): void {
    const now = performance.now();
    if (this.#reachable !== false || now - this.#toldAt >= REMIND) {
      this.#toldAt = now;
      this.#log('warn', `no endpoint of etcd answers: ${error.message}`, {
        endpoints: this.#endpoints.map(({ url }) => url),
        advice: 'no other director can become active on a partition until etcd is back',
      });
    }
    this.#reachable = false;
    this.#error = error.message;
  }
}

function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new EtcdError('no longer wanted', undefined, { cause: signal.reason }));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}
