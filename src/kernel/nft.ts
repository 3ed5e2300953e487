/** Packet filter rules by nftables' own program: a ruleset is a transaction, and holds as a whole or not at all. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { Readable } from 'node:stream';

const PLACES = ['/usr/sbin/nft', '/sbin/nft', '/usr/local/sbin/nft', '/usr/bin/nft'];
/** Milliseconds; a ruleset of ten thousand addresses takes some tens of them. */
const TIMEOUT = 10_000;
/** Bytes of what nft has to say that are kept for the error. */
const MOST_WORDS = 2000;

export interface RulesetOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds after which nft is killed and it has failed; 10,000 unless given. */
  readonly timeout?: number;
  /** The program; looked for in the usual places unless given. */
  readonly program?: string;
}

/** nft is not installed. */
export class NftMissing extends Error {
  constructor() {
    super(`nft is not installed (looked for ${PLACES.join(', ')}): install the package nftables`);
    this.name = 'NftMissing';
  }
}

/** nft refused a ruleset, did not end in time, or could not be started. Nothing of it holds. */
export class RulesetError extends Error {
  constructor(what: string, reason: string, cause?: unknown) {
    super(`${what}: ${reason}`, { cause });
    this.name = 'RulesetError';
  }
}

/**
 * Applies the ruleset (nft(8)'s language), all of it or nothing. `what` names it in the error. Rejects with NftMissing,
 * RulesetError, or the signal's reason.
 */
export async function applyRuleset(text: string, what: string, options: RulesetOptions = {}): Promise<void> {
  await run(['-f', '-'], text, what, options);
}

/**
 * A table (`inet vipward`) as nft lists it, without what it has counted: the same text as long as nobody has changed it;
 * undefined where there is none. Rejects as `applyRuleset`.
 */
export async function readTable(table: string, options: RulesetOptions = {}): Promise<string | undefined> {
  const list = ['--stateless', '--numeric', 'list', 'table', ...table.split(' ')];
  try {
    return await run(list, '', `list table ${table}`, options);
  } catch (error) {
    if (error instanceof RulesetError && error.message.includes('No such file or directory'))
      return undefined;
    throw error;
  }
}

/** The names of all tables (`inet vipward`), whoever's they are. Rejects as `applyRuleset`. */
export async function listTables(options: RulesetOptions = {}): Promise<readonly string[]> {
  const listing = await run(['list', 'tables'], '', 'list tables', options);
  return listing
    .split('\n')
    .flatMap((line) => (line.startsWith('table ') ? [line.slice('table '.length)] : []));
}

/** What nft prints. */
async function run(
  args: readonly string[],
  input: string,
  what: string,
  { signal, timeout = TIMEOUT, program = findProgram() }: RulesetOptions,
): Promise<string> {
  signal?.throwIfAborted();
  const limit = AbortSignal.timeout(timeout);
  // Where no descriptor was left for its streams, it has none.
  const child: ChildProcess = spawn(program, args, {
    cwd: '/',
    env: { LC_ALL: 'C' },
    stdio: 'pipe',
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    killSignal: 'SIGKILL',
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let failure: unknown;
  child.once('error', (cause) => {
    if (signal?.aborted === true) failure = signal.reason;
    else if (limit.aborted) failure = new RulesetError(what, `nft did not end within ${timeout} ms`);
    else failure = new RulesetError(what, `cannot start ${program}: ${cause.message}`, cause);
    // One that runs is killed, and what it has done is known only when it has ended.
    if (child.pid === undefined) reject(failure);
  });
  const output = gather(child.stdout, Number.POSITIVE_INFINITY);
  const words = gather(child.stderr, MOST_WORDS);
  // One that ends before it has read everything says why on its standard error.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  child.once('close', (code, killed) => {
    if (code === 0) resolve(output());
    else reject(failure ?? new RulesetError(what, `nft refused it (${killed ?? code}): ${words().trim()}`));
  });
  return await promise;
}

/** Gives what has come so far, of so many characters at most. */
function gather(stream: Readable | null, most: number): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (part: string) => {
    text = (text + part).slice(0, most);
  });
  return () => text;
}

function findProgram(): string {
  for (const place of PLACES) {
    try {
      accessSync(place, constants.X_OK);
      return place;
    } catch {
      // The next one.
    }
  }
  throw new NftMissing();
}
