/** The networks between simulated machines: they lose, delay, duplicate, reorder, and cut one way or both. */
import type { Agenda } from './agenda.ts';
import type { Random } from './random.ts';
import type { Setting } from './setting.ts';

interface Condition {
  loss: number;
  duplicates: number;
  jitter: number;
}

export class Wire {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #delay: Setting['delay'];
  readonly #cuts = new Set<string>();
  readonly #down = new Set<string>();
  readonly #conditions = new Map<number, Condition>();
  #directors: number;
  #networks: number;

  constructor(
    { delay, directors, networks }: Pick<Setting, 'delay' | 'directors' | 'networks'>,
    agenda: Agenda,
    random: Random,
  ) {
    this.#agenda = agenda;
    this.#random = random;
    this.#delay = delay;
    this.#directors = directors.length;
    this.#networks = networks;
  }

  cut(network: number, from: number, to: number): void {
    this.#cuts.add(`${network} ${from} ${to}`);
  }

  heal(network: number, from: number, to: number): void {
    this.#cuts.delete(`${network} ${from} ${to}`);
  }

  partition(side: readonly number[]): void {
    for (let from = 0; from < this.#directors; from++) {
      for (let to = 0; to < this.#directors; to++) {
        if (side.includes(from) === side.includes(to)) continue;
        for (let network = 0; network < this.#networks; network++) this.cut(network, from, to);
      }
    }
  }

  healAll(): void {
    this.#cuts.clear();
  }

  setLink(director: number, network: number, up: boolean): void {
    if (up) this.#down.delete(`${network} ${director}`);
    else this.#down.add(`${network} ${director}`);
  }

  isUp(director: number, network: number): boolean {
    return !this.#down.has(`${network} ${director}`);
  }

  condition(network: number): Condition {
    const known = this.#conditions.get(network) ?? { loss: 0, duplicates: 0, jitter: 0 };
    this.#conditions.set(network, known);
    return known;
  }

  /** Whether nothing at all is wrong. */
  get isWhole(): boolean {
    return (
      this.#cuts.size === 0 &&
      this.#down.size === 0 &&
      [...this.#conditions.values()].every(({ loss, jitter }) => loss === 0 && jitter === 0)
    );
  }

  carries(network: number, from: number, to: number): boolean {
    return !this.#cuts.has(`${network} ${from} ${to}`) && this.isUp(from, network) && this.isUp(to, network);
  }

  send(network: number, from: number, to: number, deliver: () => void): void {
    if (!this.carries(network, from, to)) return;
    const { loss, duplicates, jitter } = this.condition(network);
    if (loss > 0 && this.#random.chance(loss)) return;
    const copies = duplicates > 0 && this.#random.chance(duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const { least, most } = this.#delay;
      const more = jitter > 0 && this.#random.chance(0.3) ? this.#random.between(0, jitter) : 0;
      this.#agenda.in(this.#random.between(least, most) + more, deliver);
    }
  }
}
