/**
 * A client: client.ts URL RATE TIMEOUT. Sends RATE requests a second, on a fixed schedule whatever becomes of them,
 * each on a connection of its own, and gives each TIMEOUT ms. Prints a RequestResult as a JSON line for each; after
 * SIGTERM it awaits what is under way, and ends.
 *
 * A number on a line of standard input asks for that many requests in turn: the schedule rests, all that is under way
 * comes to its end, and each of them is sent when the one before it is over. So a director passes them on in this
 * order, with nothing between. Each comes from a port of its own: where a port of the client comes again within two
 * minutes, IPVS passes the connection on to the real server that it remembers for it, and its scheduler is not asked.
 */
import { request } from 'node:http';
import { createInterface } from 'node:readline';

export interface RequestResult {
  /** Counts the requests in the order in which they were sent, from 0. Results come in the order of their ends. */
  readonly number: number;
  /** When it was sent, ms since the epoch. */
  readonly start: number;
  /** How long it took until the whole answer or the failure, in ms. */
  readonly duration: number;
  /** The status, or undefined when there was no whole answer. */
  readonly status?: number;
  /** The answer's text, without the white space around it. */
  readonly body?: string;
  /** Why there was no answer: an errno such as ECONNREFUSED, or TIMEOUT. */
  readonly error?: string;
  /** Whether it is one of those that were asked for in turn. */
  readonly inTurn?: true;
}

/** The ports that only requests in turn come from: below those that Linux gives unless told otherwise. */
const PORTS = { first: 16_384, count: 16_384 } as const;

type Outcome = Omit<RequestResult, 'number' | 'start' | 'duration'>;

function fetchOnce(url: string, timeout: number, number: number, localPort?: number): Promise<RequestResult> {
  const begun = performance.now();
  const start = performance.timeOrigin + begun;
  return new Promise((resolve) => {
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      outgoing.destroy();
      const turn = localPort === undefined ? {} : { inTurn: true as const };
      resolve({ number, start, duration: performance.now() - begun, ...outcome, ...turn });
    };
    const fail = (error: NodeJS.ErrnoException): void => finish({ error: error.code ?? error.message });
    const outgoing = request(url, { agent: false, ...(localPort === undefined ? {} : { localPort }) });
    const timer = setTimeout(() => finish({ error: 'TIMEOUT' }), timeout);
    outgoing.on('error', fail);
    outgoing.on('response', (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('error', fail);
      answer.on('end', () => finish({ status: answer.statusCode ?? 0, body: body.trim() }));
    });
    outgoing.end();
  });
}

class Client {
  readonly #fetch: (number: number, localPort?: number) => Promise<RequestResult>;
  readonly #open = new Set<Promise<void>>();
  #sent = 0;
  #sentInTurn = 0;
  /** Lines of standard input are served one after the other. */
  #turns: Promise<void> = Promise.resolve();
  #resting = 0;

  constructor(url: string, timeout: number) {
    this.#fetch = (number, localPort) => fetchOnce(url, timeout, number, localPort);
  }

  get rests(): boolean {
    return this.#resting > 0;
  }

  /** Resolves when it is over. */
  async send(localPort?: number): Promise<void> {
    const done = this.#fetch(this.#sent++, localPort).then((result) => {
      process.stdout.write(`${JSON.stringify(result)}\n`);
      this.#open.delete(done);
    });
    this.#open.add(done);
    await done;
  }

  takeTurns(count: number): void {
    this.#resting++;
    this.#turns = this.#turns.then(async () => {
      await Promise.all(this.#open);
      for (let n = 0; n < count; n++) await this.send(PORTS.first + (this.#sentInTurn++ % PORTS.count));
      this.#resting--;
    });
  }
}

function main(url: string, rate: number, timeout: number): void {
  const client = new Client(url, timeout);
  const begun = performance.now();
  let scheduled = 0;
  const timer = setInterval(
    () => {
      const due = Math.floor(((performance.now() - begun) * rate) / 1_000);
      // What was due while the schedule rested is not made up for.
      for (; scheduled < due; scheduled++) if (!client.rests) client.send();
    },
    Math.max(1, 500 / rate),
  );
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => client.takeTurns(Number(line)));
  process.once('SIGTERM', () => {
    clearInterval(timer);
    lines.close();
  });
}

const [url = '', rate = '10', timeout = '30000'] = process.argv.slice(2);
main(url, Number(rate), Number(timeout));
