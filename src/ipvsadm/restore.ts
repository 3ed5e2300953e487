/** `ipvsadm -R`: a command line from each line of standard input, such as `-S` prints them. */
import type { Ipvs, SyncDaemons } from '../kernel/ipvs.ts';
import type { TableOperation } from '../model/ipvs-table.ts';
import type { IpvsadmCommand } from './command.ts';
import { readCommandLine } from './command-line.ts';
import { CommandLineError, IPVSADM_EXIT } from './command-line-error.ts';
import { HELP, versionText } from './help.ts';
import type { IpvsadmWorld } from './ipvsadm.ts';
import { list } from './list.ts';
import { perform } from './perform.ts';

/** A line's words, without the comment that may end it, and without `ipvsadm` itself; none for an empty line. */
export const wordsOf = (line: string): readonly string[] =>
  line
    .replace(/(^|\s)#.*/, '')
    .split(/\s+/)
    .filter((word) => word !== '' && word !== 'ipvsadm');

/**
 * Carries out one line after another. What the kernel refuses is said and does not stop the rest; a line that means
 * nothing does. Gives the exit code: that of the last line that failed.
 */
export async function restore(ipvs: Ipvs & SyncDaemons, world: IpvsadmWorld): Promise<number> {
  const run = new Restore(ipvs, world);
  const lines = (await world.readInput()).split('\n');
  for (const [i, line] of lines.entries()) {
    const words = wordsOf(line);
    if (words.length > 0 && !(await run.take(i + 1, words))) break;
  }
  return await run.finish();
}

class Restore {
  readonly #ipvs: Ipvs & SyncDaemons;
  readonly #world: IpvsadmWorld;
  /** Changes of the table that are still to be made, many to a send. */
  #pending: { readonly line: number; readonly operation: TableOperation }[] = [];
  readonly #done: IpvsadmCommand[] = [];
  #exitCode: number = IPVSADM_EXIT.done;

  constructor(ipvs: Ipvs & SyncDaemons, world: IpvsadmWorld) {
    this.#ipvs = ipvs;
    this.#world = world;
  }

  /** Whether to go on with the next line. */
  async take(line: number, words: readonly string[]): Promise<boolean> {
    try {
      const command = await readCommandLine(words, this.#world.names);
      if (command.kind === 'change') {
        this.#pending.push({ line, operation: command.operation });
        return true;
      }
      this.#apply();
      await this.#other(command);
      return true;
    } catch (error) {
      this.#apply();
      this.#fail(line, error);
      return !(error instanceof CommandLineError);
    }
  }

  async finish(): Promise<number> {
    this.#apply();
    if (this.#done.length > 0) await this.#world.changed(this.#done);
    return this.#exitCode;
  }

  async #other(command: Exclude<IpvsadmCommand, { readonly kind: 'change' }>): Promise<void> {
    switch (command.kind) {
      case 'restore':
        throw new CommandLineError('--restore within what is restored', IPVSADM_EXIT.refused);
      case 'help':
        return this.#world.out(HELP);
      case 'version':
        return this.#world.out(versionText(this.#world.version, this.#ipvs.info().version));
      case 'list':
      case 'list-connections':
      case 'list-daemons':
      case 'list-timeouts':
      case 'save':
        await list(command, this.#ipvs, this.#world);
        return;
      default:
        perform(command, this.#ipvs);
        this.#done.push(command);
    }
  }

  #apply(): void {
    const pending = this.#pending;
    this.#pending = [];
    const outcomes = this.#ipvs.apply(pending.map(({ operation }) => operation));
    for (const [i, { line, operation }] of pending.entries()) {
      const error = outcomes[i]?.error;
      if (error === undefined) this.#done.push({ kind: 'change', operation });
      else this.#fail(line, error);
    }
  }

  #fail(line: number, error: unknown): void {
    if (!(error instanceof Error)) throw error;
    this.#world.err(`ipvsadm: line ${line}: ${error.message}\n`);
    this.#exitCode = error instanceof CommandLineError ? error.exitCode : IPVSADM_EXIT.refused;
  }
}
