/** A checker process with a fault: an exception that nobody catches. */
import { runCheckerProcess } from '../../../src/checker/process.ts';

await runCheckerProcess();
setImmediate(() => {
  throw new Error('a fault of ours');
});
