/** What the textbook cases share. */
import type { Finding } from '../../src/doctor/finding.ts';
import { type Daemon, VIPWARD } from './support/daemon.ts';
import type { Node } from './support/node.ts';
import { type Client, startClient, summarize } from './support/tools.ts';

/** So rarely that none is sent of itself within a test. */
const NEVER = 0.001;
const clients = new WeakMap<Node, Map<string, Promise<Client>>>();

/**
 * So many requests one after the other, and how many were answered with which first word; throws when one failed. One
 * program for each URL, so that no port of the client comes again in a file of tests.
 */
export async function inTurn(
  node: Node,
  url: string,
  count: number,
): Promise<Readonly<Record<string, number>>> {
  const ofNode = clients.get(node) ?? new Map<string, Promise<Client>>();
  clients.set(node, ofNode);
  const client = ofNode.get(url) ?? startClient(node, { url, rate: NEVER });
  ofNode.set(url, client);
  const { bodies, errors } = summarize(await (await client).inTurn(count));
  if (errors.length > 0)
    throw new Error(`${errors.length} of ${count} requests to ${url}: ${errors[0]?.error}`);
  const words: Record<string, number> = {};
  for (const [body, times] of Object.entries(bodies)) {
    const word = body.split(' ', 1).join('');
    words[word] = (words[word] ?? 0) + times;
  }
  return words;
}

/** `vipward realserver`; hosts that share a file system have a state each. */
export const realserver = (node: Node, ...args: readonly string[]): Promise<string> =>
  node.run([VIPWARD, 'realserver', ...args, '--state-dir', stateOf(node)]);

const stateOf = (node: Node): string => `${node.scratch}/realserver`;

/** What the doctor finds good and what wrong, on a real server or, with its daemon, on a director. */
export async function doctor(
  node: Node,
  daemon?: Daemon,
): Promise<{ readonly code: number; readonly good: readonly string[]; readonly wrong: readonly Finding[] }> {
  const place =
    daemon === undefined ? ['--realserver'] : ['--config', daemon.file, '--runtime-dir', daemon.runtimeDir];
  const { code, stdout, stderr } = await node.exec([
    VIPWARD,
    'doctor',
    '--json',
    '--state-dir',
    stateOf(node),
    ...place,
  ]);
  if (stderr !== '') throw new Error(`${node.name}: vipward doctor: ${stderr}`);
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] };
  const good = findings.filter(({ severity }) => severity === 'good').map(({ what }) => what);
  // A host of the lab has no peer, nor programs for all that could be known.
  return { code, good, wrong: findings.filter(({ severity }) => !['good', 'unknown'].includes(severity)) };
}
