/**
 * State files that cannot be read (a full or failing disk, another version, somebody's editor). Each is put aside under
 * another name, so that nothing of it is lost, and told by `vipward status` until somebody has seen to that copy. One
 * that the machine does not give out just now (no descriptors, no memory, a failing disk) may be whole, and is left.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Log } from '../model/messages.ts';

/** What it means that a state file cannot be read, in words that end a sentence. */
const UNREADABLE = {
  'overrides.json': 'no real server is drained, disabled or weighted by command any more',
  'standby.json': 'no virtual router is kept a backup',
  'ipvs-owned.json': 'only virtual servers of the file are taken for ours',
  'kernel-settings.json': 'kernel settings that a former process changed are not put back',
  'connection-timeouts.json': 'time-outs of connections that a former process changed are not put back',
  'connection-sync.json': 'a sync daemon that a former process started may go on',
  'notify.json': 'it is not known which states were told last',
  'arbiter-identity': 'after a crash the lease of the arbiter has to end first',
} as const;

export type StateFileName = keyof typeof UNREADABLE;

const MARK = '.damaged-';

/** Files that were left where they are, with why they could not be read. By path. */
const left = new Map<string, string>();

/** Files that the disk has not taken as they should be, with what that means and why. By path. */
const unwritten = new Map<string, string>();

/** undefined: the disk has taken it. */
export function tellUnwritten(path: string, meaning: string | undefined): void {
  if (meaning === undefined) unwritten.delete(path);
  else unwritten.set(path, meaning);
}

/**
 * Of a file that was to be read, and gave `cause`: puts it aside where it is damaged, else leaves it. false: it is still
 * in its place, and must not be overwritten.
 */
export function seeTo(path: string, cause: unknown, log: Log): boolean {
  if (isDamage(cause)) return putAside(path, cause, log);
  left.set(path, String(cause));
  log('error', `cannot read ${path} just now: ${meaningOf(path)}; it is left as it is, for the next start`, {
    cause: String(cause),
  });
  return false;
}

/** What is there was read and is no document of ours, or is no file. Else the kernel says why it could not be read. */
function isDamage(cause: unknown): boolean {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  // That of a socket's opening.
  return syscall === undefined || code === 'ENXIO';
}

/** Of a file that cannot be used, for `cause`; false: it is still in its place, and must not be overwritten. */
export function putAside(path: string, cause: unknown, log: Log, now = new Date()): boolean {
  const meaning = meaningOf(path);
  try {
    const copy = freeName(`${path}${MARK}${dateText(now)}`);
    renameSync(path, copy);
    left.delete(path);
    log('error', `cannot use ${path}: ${meaning}; it is kept as ${copy}`, { cause: String(cause) });
    return true;
  } catch (why) {
    log('error', `cannot use ${path}, nor put it aside: ${meaning}`, {
      cause: String(cause),
      why: String(why),
    });
    return false;
  }
}

/**
 * A line for each file that was left unread or could not be written, and for each copy that was put aside and is still
 * there; with what to do.
 */
export function damagedFiles(directory: string): readonly string[] {
  const isHere = ([path]: readonly [string, string]): boolean => path === join(directory, basename(path));
  return [
    ...[...left]
      .filter(isHere)
      .map(
        ([path, cause]) =>
          `${basename(path)} could not be read: ${meaningOf(path)}; see to the cause (${cause}), and restart vipward`,
      ),
    ...[...unwritten]
      .filter(isHere)
      .map(
        ([path, meaning]) =>
          `${basename(path)} cannot be written: ${meaning}; see to the cause: it is tried again every 10 s`,
      ),
    ...copyLines(directory),
  ];
}

function copyLines(directory: string): readonly string[] {
  return copiesIn(directory).flatMap((copy) => {
    const name = copy.slice(0, copy.indexOf(MARK));
    if (!isStateFile(name)) return [];
    const path = join(directory, copy);
    return [`${name} was damaged: ${UNREADABLE[name]}; see to its copy, and remove that: ${path}`];
  });
}

/** A directory that is not there, or cannot be read, has none. */
function copiesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.includes(MARK))
      .sort();
  } catch {
    return [];
  }
}

function meaningOf(path: string): string {
  const name = basename(path);
  return isStateFile(name) ? UNREADABLE[name] : 'what it held is not known any more';
}

const isStateFile = (name: string): name is StateFileName => Object.hasOwn(UNREADABLE, name);

/** `20261121T112000Z`. */
const dateText = (date: Date): string => date.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');

function freeName(path: string): string {
  if (!existsSync(path)) return path;
  for (let count = 2; ; count++) if (!existsSync(`${path}-${count}`)) return `${path}-${count}`;
}

/** Whether the file is not there, which is no damage. */
export const isMissing = (cause: unknown): boolean => (cause as NodeJS.ErrnoException).code === 'ENOENT';
