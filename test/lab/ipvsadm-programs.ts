/** The two programs that are compared, each called alike. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runIpvsadm } from '../../src/ipvsadm/ipvsadm.ts';
import { SystemNames } from '../../src/ipvsadm/system-names.ts';
import { openIpvs } from '../../src/kernel/ipvs.ts';

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export type Program = (argv: readonly string[], input?: string) => Promise<Result>;

const names = new SystemNames();

/** In this process: a start of Node takes a second here. */
export const ours: Program = async (argv, input = '') => {
  let out = '';
  let err = '';
  const code = await runIpvsadm(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    open: openIpvs,
    names,
    readConnections: () => readFileSync('/proc/net/ip_vs_conn', 'utf8'),
    readInput: async () => input,
    version: 'test',
    changed: async () => undefined,
  });
  return { code, out, err };
};

/** The real one, started by one small shell: this kernel takes 60 ms to start anything from a process of Node's size. */
export class RealIpvsadm {
  readonly #shell = spawn('sh', { stdio: ['pipe', 'pipe', 'inherit'] });
  readonly #codes = createInterface({ input: this.#shell.stdout });
  readonly #directory = mkdtempSync('/run/ipvsadm-');

  readonly run: Program = async (argv, input = '') => {
    const [inFile = '', outFile = '', errFile = ''] = ['in', 'out', 'err'].map((name) =>
      join(this.#directory, name),
    );
    writeFileSync(inFile, input);
    const quoted = argv.map((word) => `'${word}'`).join(' ');
    const ended = once(this.#codes, 'line');
    this.#shell.stdin.write(`ipvsadm ${quoted} <${inFile} >${outFile} 2>${errFile}; echo $?\n`);
    const [code] = await ended;
    return { code: Number(code), out: readFileSync(outFile, 'utf8'), err: readFileSync(errFile, 'utf8') };
  };

  close(): void {
    this.#shell.stdin.end();
  }
}
