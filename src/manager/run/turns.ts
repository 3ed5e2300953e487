/**
 * One start of a process for each turn of the event loop: a fork holds this process up for a millisecond or more, and
 * two hundred at once must not keep it from its sockets for as long as all of them take.
 */
const waiting: (() => void)[] = [];
let scheduled = false;

/** Resolves when it is the caller's turn to start a process, in the order of asking. */
export function turnToStart(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  schedule();
  return promise;
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    waiting.shift()?.();
    if (waiting.length > 0) schedule();
  });
}
