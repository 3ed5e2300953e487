/**
 * Plays the manager to one vrrp process: lines of JSON on standard input go to it as messages, what it says comes out
 * as lines of JSON, and so do its process id, first, and its end: `{ "type": "pid" }`, `{ "type": "exit" }`.
 */
import { fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { MESSAGE_VERSION } from '../../../src/model/messages.ts';

const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
const child = fork(new URL('../../../dist/main.js', import.meta.url), ['vrrp'], {
  execArgv: ['--single-threaded-gc'],
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
});
say({ type: 'pid', pid: child.pid });
child.on('message', say);
child.once('exit', (code, signal) => {
  say({ type: 'exit', code, signal });
  process.exitCode = 0;
  lines.close();
  process.stdin.destroy();
});
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  if (child.connected) child.send({ ...JSON.parse(line), v: MESSAGE_VERSION });
});
// Standard input's end is the manager's: the channel closes, and the vrrp process is on its own.
lines.on('close', () => {
  if (child.connected) child.disconnect();
});
