/**
 * A client: client.ts URL RATE TIMEOUT. Sends RATE requests a second, on a fixed schedule whatever becomes of them,
 * each on a connection of its own, and gives each TIMEOUT ms. Prints a RequestResult as a JSON line for each; after
 * SIGTERM it awaits what is under way, and ends.
 */
import { request } from 'node:http';

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
}

function fetchOnce(url: string, timeout: number, number: number): Promise<RequestResult> {
  const begun = performance.now();
  const start = performance.timeOrigin + begun;
  return new Promise((resolve) => {
    const finish = (outcome: Omit<RequestResult, 'number' | 'start' | 'duration'>): void => {
      clearTimeout(timer);
      outgoing.destroy();
      resolve({ number, start, duration: performance.now() - begun, ...outcome });
    };
    const fail = (error: NodeJS.ErrnoException): void => finish({ error: error.code ?? error.message });
    const outgoing = request(url, { agent: false });
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

function main(url: string, rate: number, timeout: number): void {
  const begun = performance.now();
  let sent = 0;
  const timer = setInterval(
    () => {
      const due = Math.floor(((performance.now() - begun) * rate) / 1_000);
      for (; sent < due; sent++) {
        fetchOnce(url, timeout, sent).then((result) => process.stdout.write(`${JSON.stringify(result)}\n`));
      }
    },
    Math.max(1, 500 / rate),
  );
  process.once('SIGTERM', () => clearInterval(timer));
}

const [url = '', rate = '10', timeout = '5000'] = process.argv.slice(2);
main(url, Number(rate), Number(timeout));
