/** Which file a program's name stands for, and the refusal of one that others than root could change. */
import { constants } from 'node:fs';
import { access, lstat, readlink, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { PROGRAM_FOLDERS } from '../../model/notify.ts';
import { changeableText, type PathFacts, whoElseCanChange } from '../../model/trusted-path.ts';
import { RefusedProgram } from './program.ts';

/** Where names are looked up, and what programs get as PATH. */
export const SEARCH_PATH = PROGRAM_FOLDERS.join(':');

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

/** Throws RefusedProgram unless root alone can change what is run as `path`; see `whoElseCanChange`. */
export async function mustBeRootsOwn(path: string): Promise<void> {
  const steps = whoElseCanChange(path);
  let step = steps.next();
  while (step.done !== true) step = steps.next(await factsOf(step.value));
  if (step.value === undefined) return;
  throw new RefusedProgram(`${changeableText(path, step.value)}, or name the user to run as`);
}

async function factsOf(path: string): Promise<PathFacts> {
  const { uid, gid, mode } = await lstat(path);
  const isLink = (mode & constants.S_IFMT) === constants.S_IFLNK;
  return { uid, gid, mode, target: isLink ? await readlink(path) : undefined };
}
