/** The options that several commands share, with the places where a packaged installation keeps things. */
import { Option } from 'commander';

export const DEFAULT_CONFIG = '/etc/vipward/vipward.yaml';
export const DEFAULT_RUNTIME_DIR = '/run/vipward';
export const DEFAULT_STATE_DIR = '/var/lib/vipward';
/** Of `vipward realserver`: gone after a reboot, as is what it changes. */
export const REALSERVER_STATE_DIR = '/run/vipward-realserver';

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

/** Runs the daemon to its end and gives its exit code. Handed in by main.ts, so that cli never imports the manager. */
export type RunManager = (options: RunOptions) => Promise<number>;

/** How a command says how it went: one of EXIT, or what the daemon came to. */
export type Finish = (exitCode: number) => void;

export const runtimeDirOption = (): Option =>
  new Option('--runtime-dir <dir>', "the daemon's directory of the control socket").default(
    DEFAULT_RUNTIME_DIR,
  );

export const jsonOption = (): Option => new Option('--json', 'print the document as JSON, for programs');

/** Throws for anybody else: what would come later is the kernel's bare refusal. */
export function needsRoot(command: string): void {
  if (process.geteuid?.() !== 0) throw new Error(`vipward ${command} needs root: sudo vipward ${command} …`);
}
