/** Drives talker.ts. */
import { join } from 'node:path';
import type { Node } from './node.ts';
import type { LabProcess } from './process.ts';
import type { TalkerPlan, TalkerReport } from './talker.ts';

export class Talker {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(node: Node, plan: TalkerPlan): Promise<Talker> {
    const program = join(import.meta.dirname, 'talker.ts');
    return new Talker(await node.spawn(['node', program, JSON.stringify(plan)]));
  }

  /** The report on the first answers of all. */
  begun(): Promise<TalkerReport> {
    return this.#report(0, 'the first answers');
  }

  /** See talker.ts; one command at a time. */
  tell(command: 'round' | 'speak' | `silent ${number}`): Promise<TalkerReport> {
    const since = this.#process.stdout.mark;
    this.#process.write(`${command}\n`);
    return this.#report(since, command);
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exit;
  }

  async #report(since: number, what: string): Promise<TalkerReport> {
    const { stdout } = this.#process;
    const options = { since, what: `the talker's report on ${what}`, timeout: 120_000 };
    return JSON.parse(await stdout.waitFor(() => true, options)) as TalkerReport;
  }
}
