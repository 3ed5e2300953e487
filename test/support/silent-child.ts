/** In the place of src/manager/child.ts: no process is started, and a test says what the checker's would. */
import type { ChildOptions } from '../../src/manager/child.ts';
import type { CheckerToManager } from '../../src/model/messages.ts';

let listener: ((message: CheckerToManager) => void) | undefined;

/** What the checker process says, to whoever started it last. */
export const checkerSays = (message: CheckerToManager): void => {
  if (listener === undefined) throw new Error('nobody has started a checker');
  listener(message);
};

export class Child {
  readonly running = false;
  constructor({ onMessage }: ChildOptions<CheckerToManager>) {
    listener = onMessage;
  }
  start(): void {}
  stop(): void {}
}
