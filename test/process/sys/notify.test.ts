import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import {
  AF_UNIX,
  check,
  closeDescriptor,
  libc,
  MSG_DONTWAIT,
  openSocket,
  SOCK_DGRAM,
} from '../../../src/sys/libc.ts';
import { sdNotify } from '../../../src/sys/notify.ts';

const directory = mkdtempSync(join(tmpdir(), 'vipward-notify-'));
let fd = -1;

afterEach(() => {
  if (fd >= 0) closeDescriptor(fd);
  rmSync(directory, { recursive: true, force: true });
});

function listen(name: string): () => string {
  fd = openSocket(AF_UNIX, SOCK_DGRAM, 0, 'listener');
  const address = Buffer.concat([Uint8Array.of(AF_UNIX, 0), Buffer.from(name)]);
  check(libc.bind(fd, address, address.length), 'bind', name);
  return () => {
    const bytes = Buffer.alloc(4096);
    return bytes.toString('utf8', 0, check(libc.recv(fd, bytes, bytes.length, MSG_DONTWAIT), 'recv'));
  };
}

it('reaches a socket in the file system', () => {
  const path = join(directory, 'notify');
  const received = listen(`${path}\0`);
  sdNotify('READY=1\nSTATUS=two virtual routers', path);
  expect(received()).toBe('READY=1\nSTATUS=two virtual routers');
});

it('reaches a socket of the abstract name space', () => {
  const received = listen(`\0vipward-test-${process.pid}`);
  sdNotify('WATCHDOG=1', `@vipward-test-${process.pid}`);
  expect(received()).toBe('WATCHDOG=1');
});

it('does nothing outside of a service, and says where it could not reach', () => {
  expect(() => sdNotify('READY=1', '')).not.toThrow();
  expect(() => sdNotify('READY=1', '/nonexistent/notify')).toThrow('/nonexistent/notify');
  expect(() => sdNotify('READY=1', `/${'x'.repeat(108)}`)).toThrow(RangeError);
});
