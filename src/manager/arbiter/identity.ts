/** What tells this director from every other, so that a restarted one may take up what its former process held. */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../model/messages.ts';
import { makeDirectory } from '../../sys/directory.ts';
import { readRegularFile } from '../../sys/regular-file.ts';
import { isMissing, seeTo } from '../damaged.ts';

const FILE = 'arbiter-identity';
const UUID = /^[0-9a-f-]{36}$/;

/**
 * The same for each manager that runs on this machine, since this boot, in this network namespace and with this state
 * directory. The boot and the namespace are in it because state directories are copied with the images of virtual
 * machines, and may be shared by mistake: two directors must never take each other for themselves. Where nothing can be
 * kept it is a new one each time: then a restarted director waits for its own lease to end. Never throws.
 */
export function readIdentity(directory: string, log: Log): string {
  let parts: readonly string[];
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    parts = [installation(directory, log), boot, readlinkSync('/proc/self/ns/net')];
  } catch (cause) {
    log('warn', `cannot keep ${join(directory, FILE)}: after a crash the arbiter's lease has to end first`, {
      cause: String(cause),
    });
    parts = [randomUUID()];
  }
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
}

function installation(directory: string, log: Log): string {
  const path = join(directory, FILE);
  try {
    const text = Buffer.from(readRegularFile(path, 100)).toString().trim();
    if (UUID.test(text)) return text;
    throw new Error(`${path} holds no identity`);
  } catch (cause) {
    if (!isMissing(cause) && !seeTo(path, cause, log)) throw cause;
  }
  const fresh = randomUUID();
  makeDirectory(directory);
  writeFileSync(`${path}.new`, `${fresh}\n`, { flush: true });
  renameSync(`${path}.new`, path);
  return fresh;
}
