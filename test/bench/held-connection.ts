/** A connection through the director of a big table, and what is counted of it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LabProcess } from '../lab/support/process.ts';
import type { Stage } from './big-table-director.ts';
import { portOf } from './big-table-files.ts';
import { VIP } from './program.ts';

interface Counters {
  readonly connections: number;
  readonly packets: number;
}

/** One connection through the first virtual server, held while the director is reloaded. */
export class HeldConnection {
  readonly #stage: Stage;
  readonly #process: LabProcess;
  #said = 0;

  private constructor(stage: Stage, process: LabProcess) {
    this.#stage = stage;
    this.#process = process;
  }

  static async open(stage: Stage): Promise<HeldConnection> {
    const process = await stage.client.spawn(['socat', '-', `TCP:${VIP}:${portOf(0)}`]);
    const connection = new HeldConnection(stage, process);
    if (!(await connection.answers())) throw new Error('no connection through the director');
    // Counters are brought up to date every two seconds (ip_vs_est.c).
    for (let tries = 0; (await connection.counters()).packets === 0; tries++) {
      if (tries === 20) throw new Error('the held connection is not counted');
      await delay(500);
    }
    return connection;
  }

  /** Whether what is said now comes back. */
  async answers(): Promise<boolean> {
    const word = `word ${++this.#said}`;
    this.#process.write(`${word}\n`);
    return await this.#process.stdout
      .waitFor((line) => line === word, { timeout: 5_000, what: word })
      .then(
        () => true,
        () => false,
      );
  }

  /** What became of it, and of the counters of its virtual server, since `before`: what they had they must keep. */
  async since(before: Counters): Promise<{ readonly lost: boolean; readonly reset: boolean }> {
    const lost = !(await this.answers());
    const after = await this.counters();
    const reset = after.connections < before.connections || after.packets < before.packets;
    return { lost, reset };
  }

  /** Connections and packets that its virtual server has counted so far. */
  async counters(): Promise<Counters> {
    const text = await this.#stage.kernel.run(`ipvsadm -Ln --stats --exact -t ${VIP}:${portOf(0)}`);
    const [, connections = '', packets = ''] = /^TCP +\S+ +(\d+) +(\d+)/m.exec(text) ?? [];
    return { connections: Number(connections), packets: Number(packets) };
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }
}
