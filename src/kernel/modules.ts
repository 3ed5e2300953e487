/** Modules of the kernel. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

/** Whether it is there: loaded, or built in and listed as such. */
export const hasModule = (name: string): boolean => existsSync(`/sys/module/${name}`) || builtIn().has(name);

/** Those without parameters are not under /sys/module. */
function builtIn(): ReadonlySet<string> {
  builtInModules ??= readBuiltIn();
  return builtInModules;
}

let builtInModules: ReadonlySet<string> | undefined;

/** As depmod lists them (modules.builtin(5)), a file in each line; none where there is no list. */
function readBuiltIn(): ReadonlySet<string> {
  try {
    const text = readFileSync(`/lib/modules/${release()}/modules.builtin`, 'utf8');
    return new Set([...text.matchAll(/([^/\n]+)\.ko$/gm)].map(([, name = '']) => name.replaceAll('-', '_')));
  } catch {
    return new Set();
  }
}

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
