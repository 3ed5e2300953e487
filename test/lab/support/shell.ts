/** shell.ts SOCKET [COMMAND...]: joins this terminal to a shell on a kernel of a lab (see shell-server.ts). */
import { connect } from 'node:net';
import type { ShellRequest } from './shell-server.ts';

const [path = '', ...command] = process.argv.slice(2);
const socket = connect(path);
socket.once('connect', () => {
  const request: ShellRequest = {
    rows: process.stdout.rows ?? 24,
    columns: process.stdout.columns || 80,
    command,
  };
  socket.write(`${JSON.stringify(request)}\n`);
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
});
socket.once('error', (error) => {
  process.stderr.write(`${path}: ${error.message}: is the lab still running?\n`);
  process.exitCode = 1;
});
socket.once('close', () => {
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.exit();
});
