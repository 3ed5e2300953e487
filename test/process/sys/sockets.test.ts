/** What sockets promise beside sending and receiving. Needs root. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import { openRawSocket, type RawSocket } from '../../../src/sys/raw-socket.ts';

const run = promisify(execFile);
const LOOPBACK = '127.0.0.1' as IpAddress;
/** RFC 3692: a protocol number for experiments. */
const EXPERIMENT = 253;
/** More than one ring holds. */
const MANY = 40;

describe('receiving', () => {
  let one: RawSocket;
  let other: RawSocket;

  beforeEach(() => {
    const open = () =>
      openRawSocket({ protocol: EXPERIMENT, family: 'ipv4', interface: { index: 1, name: 'lo' }, ttl: 1 });
    one = open();
    other = open();
    for (let i = 0; i < MANY; i++) one.send(Uint8Array.of(i), LOOPBACK, LOOPBACK);
  });

  afterEach(() => {
    one.close();
    other.close();
  });

  it('hands over what is queued, in its order', () => {
    const last: (number | undefined)[] = [];
    one.receive((packet) => last.push(packet.at(-1)), 2 * MANY);
    expect(last).toEqual(Array.from({ length: MANY }, (_, i) => i));
  });

  it('ends with a socket that its handler closes, whatever has its number then', () => {
    let count = 0;
    let successor: RawSocket | undefined;
    try {
      one.receive(() => {
        count++;
        one.close();
        successor ??= openRawSocket({
          protocol: EXPERIMENT,
          family: 'ipv4',
          interface: { index: 1, name: 'lo' },
          ttl: 1,
        });
        for (let i = 0; i < MANY; i++) successor.send(Uint8Array.of(i), LOOPBACK, LOOPBACK);
      }, 2 * MANY);
      expect(successor?.fd).toBe(one.fd);
      expect(count).toBe(1);
    } finally {
      successor?.close();
    }
  });

  it('refuses to overwrite what a handler still holds', () => {
    expect(() => one.receive(() => other.receive(() => undefined, 1), 1)).toThrow(/handler of the same ring/);
    let count = 0;
    other.receive(() => count++, 2 * MANY);
    expect(count).toBe(MANY);
  });
});

it('all can be had in a container whose root is nobody outside', async () => {
  const tool = join(import.meta.dirname, 'sockets-tool.ts');
  const { stdout } = await run('unshare', ['--user', '--map-root-user', '--net', process.execPath, tool], {
    timeout: 60_000,
  });
  expect(stdout).toBe('opened\n');
});
