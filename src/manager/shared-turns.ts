/** Something that is done once at a time, for everybody who asks before it begins. */

/**
 * `act` never runs beside itself. Whoever asks while it runs gets the next run, which sees what they have changed; so
 * a thousand who ask at once cost two runs, not a thousand.
 */
export class SharedTurns<Result> {
  readonly #act: () => Promise<Result>;
  /** The end of the run before the one that waits. */
  #before: Promise<unknown> = Promise.resolve();
  /** The run that has not begun. */
  #waiting: Promise<Result> | undefined;

  constructor(act: () => Promise<Result>) {
    this.#act = act;
  }

  /** Of a run that begins from now on. Rejects as `act` does; the next one runs all the same. */
  ask(): Promise<Result> {
    if (this.#waiting !== undefined) return this.#waiting;
    const turn = this.#before.then(() => {
      this.#waiting = undefined;
      return this.#act();
    });
    this.#waiting = turn;
    this.#before = turn.catch(() => undefined);
    return turn;
  }

  /** `work` in a turn of its own, behind the runs that were asked for. Rejects as it does. */
  alone<Other>(work: () => Promise<Other>): Promise<Other> {
    const turn = this.#before.then(work);
    this.#before = turn.catch(() => undefined);
    return turn;
  }
}
