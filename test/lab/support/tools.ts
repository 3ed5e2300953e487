/**
 * Starts the lab's programs on its nodes:
 *
 *   const web1 = await startRealServer(node, { body: 'web1' })      await web1.change('refuse')   real-server.ts
 *   const load = await startClient(client, { url, rate: 50 })       load.results, await load.stop()   client.ts
 *   const probe = await startProbe(client, { address: vip })        probe.events, await probe.stop()  probe.ts
 *   const watch = await observe(lan)                                watch.events, await watch.stop()  observer.ts
 *   await prepareDirectRouting(node, vip)                           the VIP on a real server's lo
 */
import { join } from 'node:path';
import type { RequestResult } from './client.ts';
import { EventLog } from './event-log.ts';
import { followLines } from './lines.ts';
import type { Switch } from './network.ts';
import type { Command, Node } from './node.ts';
import type { Seen } from './observer.ts';
import type { ProbeEvent } from './probe.ts';
import type { LabProcess } from './process.ts';

function program(name: string, ...args: readonly (string | number)[]): Command {
  return ['node', join(import.meta.dirname, name), ...args.map(String)];
}

/** Parses a program's JSON lines into a log of their own, which ends with it. */
function follow<T>(process: LabProcess): EventLog<T> {
  const log = new EventLog<T>();
  followLines(process, (line) => log.push(JSON.parse(line)));
  process.exit.then(({ code, lost }) => {
    log.end(`${lost ?? `it ended with ${code}`}\n${process.stderr.all.join('\n')}`);
  });
  return log;
}

export type RealServerMode = 'serve' | `serve ${number}` | 'refuse' | 'hang' | 'endless';

export interface RealServer {
  readonly process: LabProcess;
  /** Resolves when it holds. */
  change(mode: RealServerMode): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when it listens. Address default 0.0.0.0, port default 80. */
export async function startRealServer(
  node: Node,
  options: { readonly body: string; readonly address?: string; readonly port?: number },
): Promise<RealServer> {
  const { body, address = '0.0.0.0', port = 80 } = options;
  const process = await node.spawn(program('real-server.ts', address, port, body));
  const said = (mode: string, since: number): Promise<string> =>
    process.output.waitFor((line) => line === mode, { since, what: `${node.name}: real server to ${mode}` });
  await said('serve', 0);
  return {
    process,
    change: async (mode) => {
      const since = process.output.mark;
      process.write(`${mode}\n`);
      await said(mode, since);
    },
    stop: async () => {
      await process.stop();
    },
  };
}

export interface ClientSummary {
  readonly results: readonly RequestResult[];
  readonly errors: readonly RequestResult[];
  /** How many answers had which text. */
  readonly bodies: Readonly<Record<string, number>>;
}

export interface Client {
  readonly results: EventLog<RequestResult>;
  /** Sends so many requests one after the other, with nothing between, in the place of the schedule: client.ts. */
  inTurn(count: number): Promise<readonly RequestResult[]>;
  /** Sends no more, awaits what is under way, and sums up. */
  stop(): Promise<ClientSummary>;
}

/** `rate` in requests a second (default 20), `timeout` of each in ms (default 30,000). */
export async function startClient(
  node: Node,
  options: { readonly url: string; readonly rate?: number; readonly timeout?: number },
): Promise<Client> {
  const { url, rate = 20, timeout = 30_000 } = options;
  const process = await node.spawn(program('client.ts', url, rate, timeout));
  const results = follow<RequestResult>(process);
  return {
    results,
    inTurn: async (count) => {
      const since = results.mark;
      process.write(`${count}\n`);
      let missing = count;
      await results.waitFor(({ inTurn }) => inTurn === true && --missing === 0, {
        since,
        what: `${count} requests in turn`,
      });
      return results.all.slice(since).filter(({ inTurn }) => inTurn);
    },
    stop: async () => {
      await process.stop(timeout + 5_000);
      return summarize(results.all);
    },
  };
}

export function summarize(results: readonly RequestResult[]): ClientSummary {
  const bodies: Record<string, number> = {};
  for (const { body } of results) if (body !== undefined) bodies[body] = (bodies[body] ?? 0) + 1;
  return { results, errors: results.filter((result) => result.error !== undefined), bodies };
}

export type ProbeSummary = Extract<ProbeEvent, { kind: 'summary' }>;

export interface Probe {
  readonly events: EventLog<ProbeEvent>;
  stop(): Promise<ProbeSummary>;
}

/** Resolves when the first answer has come. `interval` in ms, default 1; `patience` too: how long an answer may take, default 1000. */
export async function startProbe(
  node: Node,
  options: { readonly address: string; readonly interval?: number; readonly patience?: number },
): Promise<Probe> {
  const { interval = 1, patience = 1_000 } = options;
  const process = await node.spawn(program('probe.ts', options.address, interval, patience));
  const events = follow<ProbeEvent>(process);
  await events.waitFor((event) => event.kind === 'answered', { what: `an answer of ${options.address}` });
  return {
    events,
    stop: async () => {
      process.kill('SIGTERM');
      await process.exit;
      const last = events.all.at(-1);
      if (last?.kind === 'summary') return last;
      throw new Error(
        `${node.name}: probe of ${options.address}: no summary\n${process.stderr.all.join('\n')}`,
      );
    },
  };
}

export interface Observer {
  readonly events: EventLog<Seen>;
  stop(): Promise<void>;
}

/** Records all VRRP and ARP that reaches the switch itself, that is multicast and broadcast; resolves when it does. */
export async function observe(on: Switch): Promise<Observer> {
  const process = await on.node.spawn(program('observer.ts', on.bridge));
  await process.stdout.waitFor((line) => line === '{"kind":"ready"}', { what: 'the observer' });
  const events = follow<Seen>(process);
  return {
    events,
    stop: async () => {
      await process.stop();
    },
  };
}

/** What an administrator does on a real server for direct routing: it has the VIP and never speaks of it by ARP. */
export async function prepareDirectRouting(node: Node, vip: string): Promise<void> {
  await node.run(
    `echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
     echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
     ip address replace ${vip}/32 dev lo`,
  );
}
