/** What differs between the kernels that a node of the lab can run: see `user-mode-kernel.ts` and `cloud-kernel.ts`. */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** What a kernel is started with. */
export interface KernelStart {
  /** A directory of this start's own. */
  readonly runtime: string;
  /** MB. */
  readonly memory: number;
  /** Tap devices, in the order of its interfaces. */
  readonly taps: readonly string[];
  /** Added to the kernel's command line; what the kernel does not know is in the environment of its first process. */
  readonly parameters: readonly string[];
  /** The first process, seen from this machine's root, and its arguments. */
  readonly init: readonly string[];
}

export interface KernelKind {
  /** A process that becomes the kernel; its console is on standard output, the agent's line on file descriptor 3 and up. */
  commandLine(start: KernelStart): readonly string[];
  /** Standard input, output and error, and the agent's line. */
  readonly stdio: readonly ('ignore' | 'pipe')[];
  /** The lab's ends of the agent's line: where it writes, and where it reads. */
  line(child: ChildProcess): { readonly output: Writable; readonly input: Readable };
  /** What the kernel calls its interface of this number. */
  device(index: number): string;
  /** Loaded at boot, in this order. */
  readonly modules: readonly string[];
}
