/**
 * Two directors with their whole daemons, on two networks, and a client:
 *
 *   one  eth0 10.1.1.4 ─┬─ lan ─┬─ eth0 10.1.1.5  two          client eth0 10.1.1.100 on lan
 *        eth1 10.2.2.4 ─┴─ side ┴─ eth1 10.2.2.5
 */
import type { RouterStatus, RouterWord } from '../../../src/model/router-status.ts';
import { type Daemon, type LogLine, startDaemon } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode, Switch } from '../../lab/support/network.ts';
import type { VrrpSeen } from '../../lab/support/observer.ts';
import { type Observer, observe } from '../../lab/support/tools.ts';

export interface Stage {
  readonly lab: Lab;
  readonly lan: Switch;
  readonly one: NamespaceNode;
  readonly two: NamespaceNode;
  readonly client: NamespaceNode;
  /** What passes on `lan` by multicast and broadcast. */
  readonly wire: Observer;
}

export const PEER = { one: '10.1.1.5', two: '10.1.1.4' } as const;

export async function createStage(): Promise<Stage> {
  const lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const side = await lab.addSwitch('side');
  const director = (name: string, host: number) =>
    lab.addHost(name, {
      ports: [
        { on: lan, addresses: [`10.1.1.${host}/24`] },
        { on: side, addresses: [`10.2.2.${host}/24`] },
      ],
    });
  const [one, two] = [await director('one', 4), await director('two', 5)];
  const client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  return { lab, lan, one, two, client, wire: await observe(lan) };
}

export interface Pair {
  readonly one: Daemon;
  readonly two: Daemon;
}

/** `one` with priority 150 and `two` with 100, both up. */
export async function startPair(
  { one, two }: Stage,
  yaml: (priority: number, director: 'one' | 'two') => string,
): Promise<Pair> {
  const [first, second] = await Promise.all([
    startDaemon(one, yaml(150, 'one')),
    startDaemon(two, yaml(100, 'two')),
  ]);
  return { one: first, two: second };
}

/** Resolves with the line of the log that tells of the state. */
export const becomes = (daemon: Daemon, router: string, word: RouterWord, since = 0): Promise<LogLine> =>
  daemon.said(`virtual router ${router}: ${word}: `, { since });

export async function routerOf(daemon: Daemon, name: string): Promise<RouterStatus> {
  const found = (await daemon.status()).virtualRouters.find((router) => router.name === name);
  if (found === undefined) throw new Error(`${daemon.node.name} has no virtual router ${name}`);
  return found;
}

/** Which of these addresses are on the node, on whatever link. */
export async function held(node: NamespaceNode, ...addresses: readonly string[]): Promise<readonly string[]> {
  const text = await node.run('ip -o address show');
  return addresses.filter((address) => text.includes(` ${address}/`));
}

export const advertsOf = ({ wire }: Stage, source: string, vrid: number): readonly VrrpSeen[] =>
  wire.events.all.filter(
    (seen): seen is VrrpSeen => seen.kind === 'vrrp' && seen.source === source && seen.vrid === vrid,
  );

/** All three processes of a daemon. */
export async function signalAll(daemon: Daemon, signal: 'STOP' | 'CONT'): Promise<void> {
  const { processes } = await daemon.status();
  const pids = processes.flatMap(({ pid }) => (pid === undefined ? [] : [String(pid)]));
  await daemon.node.run(['kill', `-${signal}`, ...pids]);
}
