/** Shell scripts in a folder of their own, for tests of what runs them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ms: longer than anything takes on a busy machine. */
const LIMIT = 120_000;

export interface Scripts {
  readonly folder: string;
  /** Path of a new script; in it, `$here` is the folder. */
  add(name: string, body: string): string;
  /** What was written to the file `name` in the folder so far. */
  read(name: string): string;
  /** The lines of the file `name`, once there are `count` of them; rejects where that takes too long. */
  lines(name: string, count: number): Promise<readonly string[]>;
  remove(): void;
}

export function makeScripts(): Scripts {
  const folder = mkdtempSync(join(tmpdir(), 'vipward-scripts-'));
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '';
  const linesOf = (name: string) => read(name).split('\n').slice(0, -1);
  return {
    folder,
    add(name, body) {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/bash\nhere=${folder}\n${body}\n`, { mode: 0o755 });
      return path;
    },
    read,
    lines(name, count) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      const end = () => {
        watcher.close();
        clearTimeout(timer);
      };
      const look = () => {
        const lines = linesOf(name);
        if (lines.length < count) return;
        end();
        resolve(lines);
      };
      const watcher = watch(folder, look);
      const timer = setTimeout(() => {
        end();
        reject(
          new Error(`${name} has not ${count} lines after ${LIMIT} ms: ${JSON.stringify(linesOf(name))}`),
        );
      }, LIMIT);
      look();
      return promise;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Whether a process is there and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** Processes whose parent is this one and which have ended unburied. */
export function zombies(): readonly number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ');
  return children
    .filter(Boolean)
    .map(Number)
    .filter((pid) => !isAlive(pid));
}
