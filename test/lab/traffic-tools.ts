/** What the tests of balanced traffic share. */
import { join } from 'node:path';
import type { LogLine } from './support/daemon.ts';
import type { EventLog } from './support/event-log.ts';
import type { Node } from './support/node.ts';
import type { LabProcess } from './support/process.ts';
import { type Client, type ClientSummary, startClient, summarize } from './support/tools.ts';

/** See traffic-server.ts; resolves when it listens. */
export async function startTrafficServer(node: Node, body: string, port = 80): Promise<LabProcess> {
  const program = join(import.meta.dirname, 'traffic-server.ts');
  const server = await node.spawn(['node', program, String(port), body]);
  await server.stdout.waitFor((line) => line === 'listening', { what: `${body} to listen` });
  return server;
}

/** So rarely that none is sent of itself within a test. */
const NEVER = 0.001;
/** One program for each URL, so that no port of the client comes again in a file of tests. */
const clients = new WeakMap<Node, Map<string, Promise<Client>>>();

/** `count` requests one after the other, each on a connection of its own. */
export async function ask(node: Node, url: string, count: number): Promise<ClientSummary> {
  const ofNode = clients.get(node) ?? new Map<string, Promise<Client>>();
  clients.set(node, ofNode);
  const client = ofNode.get(url) ?? startClient(node, { url, rate: NEVER });
  ofNode.set(url, client);
  return summarize(await (await client).inTurn(count));
}

/** Awaits `count` more results of requests that were sent after this call. */
export async function answers(client: Client, count: number, body?: string): Promise<void> {
  const { results } = client;
  const since = results.mark;
  const from = Math.max(0, ...results.all.map((result) => result.number)) + 1;
  let seen = 0;
  await results.waitFor(
    (result) => result.number >= from && (body === undefined || result.body === body) && ++seen >= count,
    { since, what: `${count} answers${body === undefined ? '' : ` of ${body}`}` },
  );
}

/** The first line of the log after `since` that says `text`, and when the test learnt of it (ms since the epoch). */
export async function toldAt(log: EventLog<LogLine>, text: string, since: number): Promise<number> {
  await log.waitFor((line) => line.message.includes(text), { since, what: `the log to say "${text}"` });
  return Date.now();
}

/** The table as ipvsadm saves it, one line an entry. */
export const savedTable = async (node: Node): Promise<readonly string[]> =>
  (await node.run('ipvsadm -Sn'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
