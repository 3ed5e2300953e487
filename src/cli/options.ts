/** The options that several commands share. */
import { Option } from 'commander';
import { DEFAULT_RUNTIME_DIR, type RunOptions } from './run-line.ts';

/** Of `vipward realserver`: gone after a reboot, as is what it changes. */
export const REALSERVER_STATE_DIR = '/run/vipward-realserver';

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
