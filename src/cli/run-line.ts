/**
 * `vipward run` as service managers write it, read without the parser of the whole command line: loading that, with
 * every command's options, takes longer than all else that a start does before it reads the file.
 */
export const DEFAULT_CONFIG = '/etc/vipward/vipward.yaml';
export const DEFAULT_RUNTIME_DIR = '/run/vipward';
export const DEFAULT_STATE_DIR = '/var/lib/vipward';

/** What `vipward run` is told: paths. Two daemons on one machine differ in all of them. */
export interface RunOptions {
  readonly config: string;
  /** Holds the control socket; gone after a reboot. */
  readonly runtimeDir: string;
  /** Holds what must outlive a reboot. */
  readonly stateDir: string;
  /** A file that the events of VRRP are written to, for replay. */
  readonly record?: string;
}

const OPTIONS: ReadonlyMap<string, keyof RunOptions> = new Map([
  ['--config', 'config'],
  ['--runtime-dir', 'runtimeDir'],
  ['--state-dir', 'stateDir'],
  ['--record', 'record'],
]);

/** undefined: something else, or written in another way, which the parser understands (`run.ts`). */
export function plainRunOptions(argv: readonly string[]): RunOptions | undefined {
  const [command, ...rest] = argv;
  if (command !== 'run' || rest.length % 2 !== 0) return undefined;
  const given: Partial<Record<keyof RunOptions, string>> = {};
  for (let at = 0; at < rest.length; at += 2) {
    const key = OPTIONS.get(rest[at] ?? '');
    const value = rest[at + 1] ?? '';
    if (key === undefined || value === '' || value.startsWith('-')) return undefined;
    given[key] = value;
  }
  return { config: DEFAULT_CONFIG, runtimeDir: DEFAULT_RUNTIME_DIR, stateDir: DEFAULT_STATE_DIR, ...given };
}
