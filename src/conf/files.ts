/** The files that a configuration names: secrets that are read with it, and programs that will be run. */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { PROGRAM_FOLDERS } from '../model/notify.ts';
import { reasonOf } from '../model/reason.ts';
import type { ProgramFacts, Secret } from './environment.ts';

/** The longest key is 132 characters, and no password is longer than a page. */
const MOST_SECRET = 4096;
const OTHERS = constants.S_IRWXG | constants.S_IRWXO;

export function readSecret(path: string): Secret {
  try {
    // Not to wait for a writer where the path is a pipe.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readFrom(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { problem: inWords(error, 'cannot be read') };
  }
}

function readFrom(file: number): Secret {
  const facts = fstatSync(file);
  if (!facts.isFile()) return { problem: 'is no regular file' };
  const bytes = Buffer.alloc(MOST_SECRET + 1);
  const length = readSync(file, bytes, 0, bytes.length, 0);
  if (length > MOST_SECRET) return { problem: `has more than ${MOST_SECRET} bytes: it is to hold one line` };
  const text = bytes.toString('utf8', 0, length).replace(/[\r\n]+$/, '');
  if (text === '') return { problem: 'is empty' };
  if (/[\r\n\0]/.test(text)) return { problem: 'has more than one line' };
  return { text, exposed: (facts.mode & OTHERS) !== 0 };
}

export function fileProblem(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile() ? undefined : 'is no regular file';
  } catch (error) {
    return inWords(error, 'cannot be read');
  }
}

export function inspectProgram(command: string): ProgramFacts {
  if (command.includes('/')) return inspect(command);
  const found = PROGRAM_FOLDERS.map((folder) => `${folder}/${command}`).find((path) => exists(path));
  return found === undefined ? { problem: `is not in ${PROGRAM_FOLDERS.join(', ')}` } : inspect(found);
}

function inspect(path: string): ProgramFacts {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return { problem: 'is no regular file' };
    if ((facts.mode & (constants.S_IXUSR | constants.S_IXGRP | constants.S_IXOTH)) === 0)
      return { problem: 'is not executable: chmod +x' };
    return { changeable: changeableByOthers(path) };
  } catch (error) {
    return { problem: inWords(error, 'cannot be looked at') };
  }
}

/** What others than root can change on the way to a program: itself, a folder above it, or above what it links to. */
function changeableByOthers(path: string): string | undefined {
  const real = realpathSync(path);
  if (!isRootsOwn(statSync(real))) return real;
  return [...new Set([...foldersAbove(path), ...foldersAbove(real)])].find(isReplaceable);
}

function foldersAbove(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersAbove(folder)];
}

/** Whoever can change a folder can put another file in its place; a sticky one protects what others own in it. */
function isReplaceable(folder: string): boolean {
  const facts = statSync(folder);
  return !isRootsOwn(facts) && !(facts.uid === 0 && (facts.mode & STICKY) !== 0);
}

/** S_ISVTX of sys/stat.h, which Node does not name. */
const STICKY = 0o1000;

const isRootsOwn = ({ uid, gid, mode }: Stats): boolean =>
  uid === 0 && (mode & constants.S_IWOTH) === 0 && ((mode & constants.S_IWGRP) === 0 || gid === 0);

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

function inWords(error: unknown, what: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return `${what}: permission denied (are you root?)`;
    default:
      return `${what}: ${reasonOf(error)}`;
  }
}
