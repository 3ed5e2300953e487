/** The files that a configuration names: secrets that are read with it, and programs that will be run. */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { PROGRAM_FOLDERS } from '../model/notify.ts';
import { reasonOf } from '../model/reason.ts';
import { type Changeable, type PathFacts, whoElseCanChange } from '../model/trusted-path.ts';
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

/** `folders`: where a name is looked for, as by those who run it: the first that can be run. */
export function inspectProgram(command: string, folders = PROGRAM_FOLDERS): ProgramFacts {
  try {
    const path = command.includes('/') ? command : findProgram(command, folders);
    if (path === undefined) return { problem: `is not in ${folders.join(', ')}` };
    const problem = whyNotRun(path);
    return problem === undefined ? { changeable: changeableOf(path) } : { problem };
  } catch (error) {
    return { problem: inWords(error, 'cannot be looked at') };
  }
}

/** Where none can be run: one that is there all the same. */
function findProgram(name: string, folders: readonly string[]): string | undefined {
  const there = folders.map((folder) => `${folder}/${name}`).filter(exists);
  return there.find((path) => whyNotRun(path) === undefined) ?? there[0];
}

/** Throws what the kernel says where it cannot be looked at. */
function whyNotRun(path: string): string | undefined {
  const facts = statSync(path);
  if (!facts.isFile()) return 'is no regular file';
  const canRun = constants.S_IXUSR | constants.S_IXGRP | constants.S_IXOTH;
  return (facts.mode & canRun) === 0 ? 'is not executable: chmod +x' : undefined;
}

/** Where others than root can interfere, by the rule of those who refuse to run it then. */
function changeableOf(path: string): Changeable | undefined {
  const steps = whoElseCanChange(path);
  let step = steps.next();
  while (step.done !== true) step = steps.next(factsOf(step.value));
  return step.value;
}

function factsOf(path: string): PathFacts {
  const { uid, gid, mode } = lstatSync(path);
  const isLink = (mode & constants.S_IFMT) === constants.S_IFLNK;
  return { uid, gid, mode, target: isLink ? readlinkSync(path) : undefined };
}

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
