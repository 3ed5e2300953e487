/**
 * Clients that stay: talker.ts PLAN, a TalkerPlan as JSON. Opens its connections to each target, all of which exchange
 * a line with their real server (naming-server.ts) at every interval, for as long as it runs. Prints a TalkerReport on
 * a line when all are served, and for each command on a line of standard input:
 *
 *   silent N   N more connections to the other port of each target; nothing is sent on them
 *   speak      one line on each of those, and the report is about them
 *   round      when each that is not lost has had an answer to a line sent after the command
 */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export interface TalkerPlan {
  /** Addresses, by names of the caller's choice. */
  readonly targets: Readonly<Record<string, string>>;
  readonly port: number;
  readonly silentPort: number;
  /** Where real servers speak by themselves. */
  readonly listeningPort?: number;
  /** Connections to each target. */
  readonly count: number;
  /** Between an answer and the next line, in ms. */
  readonly interval: number;
  /** After so many ms without an answer a connection counts as lost; 60,000 unless given. */
  readonly patience?: number;
}

export interface Talk {
  /** Of those that are served. */
  readonly alive: number;
  /** Reasons: an errno, CLOSED, or TIMEOUT. */
  readonly lost: readonly string[];
  /** Those that another real server answers than at first. */
  readonly moved: number;
  /** The longest time that one waited for an answer, in ms. */
  readonly longest: number;
}

/** By the names of the targets. */
export type TalkerReport = Readonly<Record<string, Talk>>;

/** TCP has repeated itself several times. */
const PATIENCE = 60_000;

class Connection {
  readonly target: string;
  readonly #socket: Socket;
  readonly #patience: number;
  #name: string | undefined;
  lost: string | undefined;
  moved = false;
  longest = 0;
  /** Lines that were sent, and answered. */
  answered = 0;
  #answer = Promise.withResolvers<string>();

  constructor(target: string, address: string, port: number, patience: number) {
    this.target = target;
    this.#patience = patience;
    this.#socket = createConnection({ host: address, port, noDelay: true });
    this.#socket.on('error', ({ code }: NodeJS.ErrnoException) => this.#lose(code ?? 'UNKNOWN'));
    this.#socket.on('close', () => this.#lose('CLOSED'));
    const lines = createInterface({ input: this.#socket });
    lines.on('line', (name) => this.#answer.resolve(name));
    // The socket's own, once more.
    lines.on('error', () => undefined);
  }

  async connected(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, 'connect');
  }

  /** Awaits the name that a real server tells by itself, or the answer to a line. */
  async listen(): Promise<void> {
    const begun = performance.now();
    const timer = setTimeout(() => this.#lose('TIMEOUT'), this.#patience);
    const name = await this.#answer.promise;
    clearTimeout(timer);
    if (this.lost !== undefined) return;
    this.#answer = Promise.withResolvers<string>();
    this.#name ??= name;
    this.moved ||= name !== this.#name;
    this.longest = Math.max(this.longest, performance.now() - begun);
    this.answered++;
  }

  async exchange(): Promise<void> {
    this.#socket.write('?\n');
    await this.listen();
  }

  async listenForEver(): Promise<void> {
    while (this.lost === undefined) await this.listen();
  }

  async exchangeForEver(interval: number): Promise<void> {
    while (this.lost === undefined) {
      await this.exchange();
      await delay(interval);
    }
  }

  #lose(why: string): void {
    this.lost ??= why;
    this.#socket.destroy();
    this.#answer.resolve('');
  }
}

function report(connections: readonly Connection[]): TalkerReport {
  const byTarget = Object.groupBy(connections, ({ target }) => target);
  return Object.fromEntries(
    Object.entries(byTarget).map(([target, these = []]) => [
      target,
      {
        alive: these.filter(({ lost }) => lost === undefined).length,
        lost: these.flatMap(({ lost }) => lost ?? []),
        moved: these.filter(({ moved }) => moved).length,
        longest: Math.round(Math.max(0, ...these.map(({ longest }) => longest))),
      } satisfies Talk,
    ]),
  );
}

async function main(plan: TalkerPlan): Promise<void> {
  const { targets, port, silentPort, listeningPort, count, interval, patience = PATIENCE } = plan;
  const print = (connections: readonly Connection[]): void =>
    console.log(JSON.stringify(report(connections)));
  const open = (each: number, to: number, title = ''): Connection[] =>
    Object.entries(targets).flatMap(([name, address]) =>
      Array.from({ length: each }, () => new Connection(`${name}${title}`, address, to, patience)),
    );
  const speaking = open(count, port);
  const listening = listeningPort === undefined ? [] : open(count, listeningPort, ' listening');
  const talking = [...speaking, ...listening];
  let silent: Connection[] = [];
  await Promise.all(talking.map((connection) => connection.listen()));
  for (const connection of speaking) void connection.exchangeForEver(interval);
  for (const connection of listening) void connection.listenForEver();
  print(talking);
  for await (const line of createInterface({ input: process.stdin })) {
    const [command = '', argument = ''] = line.split(' ');
    if (command === 'silent') {
      silent = open(Number(argument), silentPort);
      await Promise.all(silent.map((connection) => connection.connected()));
      print(silent);
    } else if (command === 'speak') {
      await Promise.all(silent.map((connection) => connection.exchange()));
      print(silent);
    } else if (command === 'round') {
      // The next answer may be to a line from before the command; the one after it is not.
      const goals = talking.map((connection) => ({ connection, answered: connection.answered + 2 }));
      const open = (): boolean =>
        goals.some(
          ({ connection, answered }) => connection.lost === undefined && connection.answered < answered,
        );
      while (open()) await delay(20);
      print(talking);
    } else throw new Error(`talker: unknown command ${line}`);
  }
  process.exit();
}

await main(JSON.parse(process.argv[2] ?? '') as TalkerPlan);
