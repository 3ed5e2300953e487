/** The lines of a process's standard output, whole, however its bytes arrive: a letter may come in two pieces. */
import type { LabProcess } from './process.ts';

/** Calls `onLine` for each, the ones before this call included where the process keeps no lines of its own. */
export function followLines(process: LabProcess, onLine: (line: string) => void): void {
  const decoder = new TextDecoder();
  let partial = '';
  process.onData('stdout', (bytes) => {
    const lines = (partial + decoder.decode(bytes, { stream: true })).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
