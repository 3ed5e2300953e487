/**
 * Clients that stay: talker.ts PLAN, a TalkerPlan as JSON. Opens its connections to each target, all of which exchange
 * a line with their real server (naming-server.ts) at every interval, for as long as it runs. Prints a TalkerReport on
 * a line when all are served, and for each command on a line of standard input:
 *
 *   silent N   N more connections to the other port of each target; nothing is sent on them
 *   speak      one line on each of those, and the report is about them
 *   round      when each that is not lost has had an answer to a line sent after the command
 */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { datagramWire, streamWire, type Wire } from './talker-wire.ts';

export interface TalkerPlan {
  /** Addresses, by names of the caller's choice. */
  readonly targets: Readonly<Record<string, string>>;
  readonly port: number;
  readonly silentPort: number;
  /** Where real servers speak by themselves. */
  readonly listeningPort?: number;
  /** The same of datagrams: where they are answered, and where real servers go on by themselves from the first. */
  readonly datagramPorts?: { readonly speaking: number; readonly listening: number };
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
/** Beyond the threshold of synchronisation. */
const FIRST_DATAGRAMS = 5;

class Connection {
  readonly target: string;
  readonly #wire: Wire;
  readonly #patience: number;
  #name: string | undefined;
  lost: string | undefined;
  moved = false;
  longest = 0;
  /** Lines that were sent, and answered. */
  answered = 0;
  #answer = Promise.withResolvers<string>();

  constructor(target: string, address: string, port: number, patience: number, open = streamWire) {
    this.target = target;
    this.#patience = patience;
    this.#wire = open(address, port, {
      onLine: (name) => this.#answer.resolve(name),
      onLost: (why) => this.#lose(why),
    });
  }

  async connected(): Promise<void> {
    await this.#wire.connected();
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
    const settled = this.#wire.ask();
    await this.listen();
    settled();
  }

  async exchangeOften(times: number): Promise<void> {
    for (let time = 0; time < times; time++) await this.exchange();
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
    this.#wire.close();
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
  const { targets, port, silentPort, listeningPort, datagramPorts, count, interval } = plan;
  const { patience = PATIENCE } = plan;
  const print = (connections: readonly Connection[]): void =>
    console.log(JSON.stringify(report(connections)));
  const open = (each: number, to: number | undefined, title = '', wire = streamWire): Connection[] =>
    Object.entries(to === undefined ? {} : targets).flatMap(([name, address]) =>
      Array.from({ length: each }, () => new Connection(`${name}${title}`, address, to ?? 0, patience, wire)),
    );
  const streams = open(count, port);
  const heard = open(count, listeningPort, ' listening');
  const datagrams = open(count, datagramPorts?.speaking, ' datagrams', datagramWire);
  const heardDatagrams = open(count, datagramPorts?.listening, ' datagrams listening', datagramWire);
  const speaking = [...streams, ...datagrams];
  const listening = [...heard, ...heardDatagrams];
  const talking = [...speaking, ...listening];
  let silent: Connection[] = [];
  await Promise.all([
    ...[...streams, ...heard].map((connection) => connection.listen()),
    // Nobody is answered who has not asked; and the other director is told of those that have asked several times.
    ...[...datagrams, ...heardDatagrams].map((connection) => connection.exchangeOften(FIRST_DATAGRAMS)),
  ]);
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
