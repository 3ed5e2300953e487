/** The checker process as the manager forks it, without the dispatch before it. */
import { runCheckerProcess } from '../../../src/checker/process.ts';

await runCheckerProcess();
