/**
 * What the daemons of a lab said last, for whoever has nothing but the output of a failed test:
 *
 *   recordLastWords({ name, log, write, node })     of what `log` hears from now on: a daemon, a kernel that has booted
 *   await lastWords()                               what has been said since it was asked last, and the nodes' state
 *   forgetTheEnded()                                what had ended before a test is no matter of that test
 *
 * print-last-words.ts prints it when a test fails.
 */
import type { EventLog } from './event-log.ts';
import type { Node } from './node.ts';

interface Source<T> {
  /** `vipward on lvs1`. */
  readonly name: string;
  readonly log: EventLog<T>;
  readonly write: (event: T) => string;
  /** Whose addresses and IPVS table are told as well. */
  readonly node?: Node;
}

interface Witness {
  readonly node: Node | undefined;
  readonly ended: () => boolean;
  /** Empty when there is nothing new. */
  readonly tell: () => string;
}

/** Lines of each log. */
const LINES = 40;
/** A node that is paused, or gone, does not answer. */
const PATIENCE = 15_000;
const STATE =
  'ip -o address show scope global | cut -c 1-120; echo; (ipvsadm -Sn || cat /proc/net/ip_vs) 2>/dev/null | head -n 40';

let witnesses: readonly Witness[] = [];

export function recordLastWords<T>({ name, log, write, node }: Source<T>): void {
  let told = log.mark;
  const tell = (): string => {
    const lines = log.all.slice(Math.max(told, log.mark - LINES)).map((event) => `  ${write(event)}`);
    told = log.mark;
    return lines.length === 0 ? '' : [`${name} said last:`, ...lines].join('\n');
  };
  witnesses = [...witnesses, { node, ended: () => log.ended, tell }];
}

export function forgetTheEnded(): void {
  witnesses = witnesses.filter(({ ended }) => !ended());
}

/** Never rejects. */
export async function lastWords(): Promise<string> {
  const nodes = new Set(witnesses.filter(({ ended }) => !ended()).flatMap(({ node }) => node ?? []));
  const states = await Promise.all([...nodes].map(stateOf));
  return [...witnesses.map(({ tell }) => tell()), ...states].filter((text) => text !== '').join('\n\n');
}

async function stateOf(node: Node): Promise<string> {
  const text = await node.exec(STATE, { timeout: PATIENCE }).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => String(error),
  );
  return `${node.name} has now:\n${text.replaceAll(/^/gm, '  ')}`;
}

interface Line {
  readonly time?: string;
  readonly level: string;
  readonly message: string;
}

/** Fields that tell nothing here. */
const PLAIN = new Set(['time', 'level', 'message', 'director', 'pid', 'arrived']);

/** A line of vipward's log, without the date. */
export function writeLogLine(line: Line): string {
  const fields = Object.entries(line).filter(([name]) => !PLAIN.has(name));
  const more = fields.length > 0 ? ` ${JSON.stringify(Object.fromEntries(fields))}` : '';
  return `${(line.time ?? '').slice(11, 23)} ${line.level} ${line.message}${more}`;
}
