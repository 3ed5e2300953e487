/** What the textbook cases share. */
import type { Finding } from '../../src/doctor/finding.ts';
import { type Daemon, VIPWARD } from './support/daemon.ts';
import type { Node } from './support/node.ts';
import { ask } from './traffic-tools.ts';

/** So many requests one after the other, and how many were answered with which first word; throws when one failed. */
export async function inTurn(
  node: Node,
  url: string,
  count: number,
): Promise<Readonly<Record<string, number>>> {
  const { bodies, errors } = await ask(node, url, count);
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
