/**
 * Which file a program's name stands for, and whether somebody other than root could put another in its place: one
 * who can would be root with the next change of state (keepalived: enable_script_security).
 */
import { constants, type Stats } from 'node:fs';
import { access, lstat, readlink, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { PROGRAM_FOLDERS } from '../../model/notify.ts';
import { RefusedProgram } from './program.ts';

/** Where names are looked up, and what programs get as PATH. */
export const SEARCH_PATH = PROGRAM_FOLDERS.join(':');

const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;
/** In a folder with this bit only the owner of an entry may remove or rename it (chmod(1)). */
const STICKY = 0o1000;
/** As path_resolution(7). */
const MOST_LINKS = 40;

/** The path of `program`. Throws RefusedProgram when there is none, or it is no file that can be executed. */
export async function findProgram(program: string, searchPath = SEARCH_PATH): Promise<string> {
  if (program.includes('/')) {
    if (!isAbsolute(program)) {
      throw new RefusedProgram(`${program} is a relative path: give the whole one, beginning with a slash`);
    }
    await mustBeExecutable(program);
    return program;
  }
  for (const folder of searchPath.split(':')) {
    const path = join(folder, program);
    if ((await whyNotExecutable(path)) === undefined) return path;
  }
  throw new RefusedProgram(`there is no program ${program} in ${searchPath}`);
}

async function mustBeExecutable(path: string): Promise<void> {
  const reason = await whyNotExecutable(path);
  if (reason !== undefined) throw new RefusedProgram(reason);
}

async function whyNotExecutable(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile()) return `${path} is not a file`;
    await access(path, constants.X_OK);
    return undefined;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no ${path}`;
    return code === 'EACCES' ? `${path} is not executable: chmod +x it` : message;
  }
}

/**
 * Throws RefusedProgram unless root alone can change the file at `path`, each folder above it, and each symbolic link
 * and folder on the way there. A folder like /tmp, where everybody may make entries but not touch those of others, is
 * no danger to an entry of root's.
 */
export async function mustBeRootsOwn(path: string): Promise<void> {
  const waiting = resolve(path).split('/').filter(Boolean);
  let links = 0;
  let at = '/';
  await mustBelongToRoot(at, path);
  for (;;) {
    const part = waiting.shift();
    if (part === undefined) return;
    // Only targets of links have these: what is resolved so far holds no link any more.
    if (part === '..') {
      at = dirname(at);
      continue;
    }
    if (part === '.') continue;
    const next = join(at, part);
    const about = await mustBelongToRoot(next, path);
    if (!about.isSymbolicLink()) {
      at = next;
      continue;
    }
    links++;
    if (links > MOST_LINKS) throw new RefusedProgram(`${path}: too many symbolic links`);
    const target = await readlink(next);
    if (isAbsolute(target)) at = '/';
    waiting.unshift(...target.split('/').filter(Boolean));
  }
}

async function mustBelongToRoot(at: string, path: string): Promise<Stats> {
  const about = await lstat(at);
  const reason = whoElse(about);
  if (reason === undefined) return about;
  const where = at === path ? path : `${path}: ${at}`;
  throw new RefusedProgram(
    `${where} ${reason}, and root would run it: make root the owner and take that right away, or name the user to run as`,
  );
}

/** Who beside root could change it; undefined: nobody. An ACL that lets somebody write shows as the group's right. */
function whoElse({ uid, gid, mode }: Stats): string | undefined {
  if (uid !== 0) return `belongs to user ${uid}`;
  const kind = mode & constants.S_IFMT;
  // The mode of a symbolic link means nothing.
  if (kind === constants.S_IFLNK) return undefined;
  if (kind === constants.S_IFDIR && (mode & STICKY) !== 0) return undefined;
  if ((mode & OTHER_WRITE) !== 0) return 'can be written by everybody';
  if ((mode & GROUP_WRITE) !== 0 && gid !== 0) return `can be written by group ${gid}`;
  return undefined;
}
