/** Becomes a user who may have no further process, tries to run a program, and prints what came of it. */
import { runProgram } from '../../../src/manager/run/run.ts';
import { milliseconds } from '../../../src/model/units.ts';

const ID = 54_321;
const request = { command: ['true'], user: String(ID), group: String(ID), timeout: milliseconds(60_000) };
// Everything is loaded first: that user may not be able to read this checkout.
await runProgram(request);
process.setgroups?.([]);
process.setgid?.(ID);
process.setuid?.(ID);
process.stdout.write(JSON.stringify(await runProgram(request)));
