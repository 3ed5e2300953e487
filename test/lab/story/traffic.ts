/** The client's steady requests through the VIP: what became of which, and when. */
import type { RequestResult } from '../support/client.ts';
import type { NamespaceNode } from '../support/network.ts';
import { type Client, startClient } from '../support/tools.ts';
import { VIP } from './configuration.ts';

/** Requests a second, each on a connection of its own. */
const RATE = 30;
/** How long the client waits for an answer, in ms. */
const PATIENCE = 6_000;

/** A time in which requests may fail, ms since the epoch. */
interface Trouble {
  readonly from: number;
  readonly to: number;
}

export class Traffic {
  /** When the first request was sent. */
  readonly begin: number;
  readonly #client: Client;
  readonly #troubles: Trouble[] = [];

  private constructor(client: Client, begin: number) {
    this.begin = begin;
    this.#client = client;
  }

  static async start(node: NamespaceNode): Promise<Traffic> {
    const client = await startClient(node, { url: `http://${VIP}/`, rate: RATE, timeout: PATIENCE });
    const first = await client.results.waitFor(({ number }) => number === 0, { what: 'its first request' });
    return new Traffic(client, first.start);
  }

  /**
   * Requests may fail that were sent before `to` and not over at `from`. Whoever sends later must be served: so the
   * errors of a fault are confined to the time until it is dealt with.
   */
  allowErrors(from: number, to: number): void {
    this.#troubles.push({ from, to });
  }

  /** All requests sent in this time, in the order in which they were sent, once each of them is over. */
  async sent(from: number, to = Date.now()): Promise<readonly RequestResult[]> {
    const { results } = this.#client;
    const late = await results.waitFor(({ start }) => start > to, { what: 'a later request' });
    return (await this.#before(late.number)).filter(({ start }) => start >= from && start <= to);
  }

  /** How `count` requests in turn, which alone are sent meanwhile, are shared out. */
  async split(count: number): Promise<Readonly<Record<string, number>>> {
    const split: Record<string, number> = {};
    for (const { body, error } of await this.#client.inTurn(count)) {
      const answer = body ?? error ?? 'nothing';
      split[answer] = (split[answer] ?? 0) + 1;
    }
    return split;
  }

  /** The errors among `requests` that no trouble explains. */
  unexplained(requests: readonly RequestResult[]): readonly RequestResult[] {
    const explained = ({ start, duration }: RequestResult): boolean =>
      this.#troubles.some(({ from, to }) => start <= to && start + duration >= from);
    return errorsOf(requests).filter((request) => !explained(request));
  }

  async stop(): Promise<readonly RequestResult[]> {
    return (await this.#client.stop()).results;
  }

  /** Resolves with the first answer whose text is `body` and that was sent after `from`. */
  async answered(body: string, from: number): Promise<RequestResult> {
    return await this.#client.results.waitFor((result) => result.body === body && result.start >= from, {
      what: `an answer of ${body}`,
    });
  }

  /** The requests up to, not including, the one with this number, once all are over. */
  async #before(end: number): Promise<readonly RequestResult[]> {
    const { results } = this.#client;
    const wanted = ({ number }: RequestResult): boolean => number < end;
    let missing = end - results.all.filter(wanted).length;
    if (missing > 0) {
      const enough = (result: RequestResult): boolean => wanted(result) && --missing === 0;
      await results.waitFor(enough, { since: results.mark, what: `${end} requests to be over` });
    }
    return results.all.filter(wanted).toSorted((a, b) => a.number - b.number);
  }
}

export const errorsOf = (requests: readonly RequestResult[]): readonly RequestResult[] =>
  requests.filter(({ error }) => error !== undefined);
