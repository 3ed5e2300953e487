/** Real etcd servers in private directories on this machine's loopback, gone when the test is. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

export interface EtcdServer {
  readonly url: string;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** The same again, with the data that it had. */
  restart(): Promise<EtcdServer>;
}

export interface EtcdFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Plan {
  readonly name: string;
  readonly directory: string;
  readonly client: string;
  readonly peer: string;
  readonly members: string;
  readonly files: EtcdFiles | undefined;
}

/** A cluster of `size` that is ready for requests. With `files`, clients need a certificate. */
export async function startEtcd(size = 1, files?: EtcdFiles): Promise<readonly EtcdServer[]> {
  const directory = await mkdtemp(join(tmpdir(), 'vipward-etcd-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const ports = await freePorts(2 * size);
  const names = Array.from({ length: size }, (_, index) => `e${index}`);
  const peers = names.map((_, index) => `http://127.0.0.1:${ports[2 * index + 1]}`);
  const members = names.map((name, index) => `${name}=${peers[index]}`).join(',');
  const plans = names.map((name, index) => ({
    name,
    directory: join(directory, name),
    client: `${files === undefined ? 'http' : 'https'}://127.0.0.1:${ports[2 * index]}`,
    peer: peers[index] ?? '',
    members,
    files,
  }));
  return Promise.all(plans.map(run));
}

async function run(plan: Plan): Promise<EtcdServer> {
  const child = spawn('etcd', commandLine(plan), { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  await ready(child, plan.name);
  return {
    url: plan.client,
    pid: child.pid ?? 0,
    signal: (signal) => void child.kill(signal),
    kill,
    restart: async () => {
      await kill();
      return run(plan);
    },
  };
}

function commandLine({ name, directory, client, peer, members, files }: Plan): readonly string[] {
  return [
    ['--name', name],
    ['--data-dir', directory],
    ['--listen-client-urls', client],
    ['--advertise-client-urls', client],
    ['--listen-peer-urls', peer],
    ['--initial-advertise-peer-urls', peer],
    ['--initial-cluster', members],
    ['--logger', 'zap'],
    // Tests do not survive a loss of power.
    ['--unsafe-no-fsync'],
    ...(files === undefined
      ? []
      : [
          ['--client-cert-auth'],
          ['--trusted-ca-file', files.ca],
          ['--cert-file', files.cert],
          ['--key-file', files.key],
        ]),
  ].flat();
}

/** etcd says when it takes requests, which is when it has a leader. */
function ready(child: ChildProcess, name: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 100_000) said += text;
    // What it says may come in pieces.
    if (said.includes('ready to serve client requests') || said.includes('serving client traffic')) resolve();
  });
  child.once('exit', (code) => reject(new Error(`etcd ${name} ended with ${code}: ${said}`)));
  child.once('error', reject);
  return promise;
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    // Below those that the kernel gives out by itself, to whoever asks before etcd has taken its own.
    const port = randomInt(10_000, 30_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    await promisify(server.close.bind(server))();
    return true;
  } catch {
    return false;
  }
}

export const etcdctl = async (url: string, ...command: readonly string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)('etcdctl', ['--endpoints', url, ...command], {
    env: { ...process.env, ETCDCTL_API: '3' },
    timeout: 60_000,
  });
  return stdout;
};
