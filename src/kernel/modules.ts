/** Modules of the kernel. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether it is there, loaded or built in. A built-in one without parameters cannot be seen: false. */
export const hasModule = (name: string): boolean => existsSync(`/sys/module/${name}`);

const LIMIT_MS = 10_000;

/** undefined once it is loaded, else why not. Never rejects. */
export function loadModule(name: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    execFile('modprobe', ['--quiet', '--', name], { timeout: LIMIT_MS }, (cause, _, stderr) => {
      if (cause === null) resolve(undefined);
      else {
        const words = stderr.trim() || 'modprobe found none, or may not load it';
        resolve(new Error(`cannot load the kernel module ${name}: ${words}`, { cause }));
      }
    });
  });
}
