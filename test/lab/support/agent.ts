/**
 * Runs inside a kernel of the lab, with the serial line as its standard input and output, and starts processes
 * there at the lab's command. Started by guest-init.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { encodeFrame, type Frame, type FrameKind, FrameReader, type SpawnRequest } from './wire.ts';

/** Large output is cut, so that the answers of other commands come in between. */
const LARGEST_PIECE = 32 * 1024;
const children = new Map<number, ChildProcess>();

function send(kind: FrameKind, id: number, payload?: Uint8Array | object): void {
  let bytes = encodeFrame(kind, id, payload);
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(1, bytes));
}

function sendOutput(kind: 'stdout' | 'stderr', id: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += LARGEST_PIECE) {
    send(kind, id, bytes.subarray(at, at + LARGEST_PIECE));
  }
}

function start(id: number, request: SpawnRequest): void {
  const [program = '', ...rest] = request.argv;
  const child = spawn(program, rest, { cwd: request.cwd, env: request.env, detached: true, stdio: 'pipe' });
  children.set(id, child);
  child.once('spawn', () => send('started', id, { pid: child.pid }));
  child.once('error', (error) => {
    if (child.pid === undefined) send('failed', id, { message: error.message });
  });
  // A process that ends before it has read its input is no error.
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (bytes: Buffer) => sendOutput('stdout', id, bytes));
  child.stderr.on('data', (bytes: Buffer) => sendOutput('stderr', id, bytes));
  child.once('close', (code, signal) => {
    children.delete(id);
    if (child.pid === undefined) return;
    send('exit', id, { code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
  });
}

function signalChild(
  child: ChildProcess,
  request: { readonly signal: NodeJS.Signals; readonly group: boolean },
): void {
  if (child.pid === undefined) return;
  try {
    process.kill(request.group ? -child.pid : child.pid, request.signal);
  } catch {
    // Gone in the meantime: its exit is on the way.
  }
}

function obey(frame: Frame): void {
  const child = children.get(frame.id);
  switch (frame.kind) {
    case 'spawn':
      start(frame.id, JSON.parse(frame.payload.toString()));
      break;
    case 'stdin':
      child?.stdin?.write(frame.payload);
      break;
    case 'end':
      child?.stdin?.end();
      break;
    case 'signal':
      if (child !== undefined) signalChild(child, JSON.parse(frame.payload.toString()));
      break;
    case 'hello':
    case 'taken':
    case 'started':
    case 'failed':
    case 'stdout':
    case 'stderr':
    case 'exit':
      throw new Error(`a ${frame.kind} frame is not for the agent`);
    default:
      frame.kind satisfies never;
  }
}

const reader = new FrameReader();
process.stdin.on('data', (bytes: Buffer) => {
  const taken = Buffer.alloc(4);
  taken.writeUInt32BE(bytes.length);
  send('taken', 0, taken);
  for (const frame of reader.push(bytes)) obey(frame);
});
send('hello', 0);
