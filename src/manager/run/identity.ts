/** Users and groups by name or number, from the files of passwd(5) and group(5). */
import { readFile } from 'node:fs/promises';
import type { RunAs } from '../../model/notify.ts';
import { RefusedProgram } from './program.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

const SYSTEM_FILES: AccountFiles = { passwd: '/etc/passwd', group: '/etc/group' };
const ROOT = 0;
/** (uid_t) -1 means "unchanged" to the kernel and is nobody's. */
const LARGEST_ID = 2 ** 32 - 2;

/**
 * As whom a program runs: the group is the user's own unless given, root where there is no user either. A number is
 * taken as it is and need not be in the files; its group, unless given or found there, is the same number. Throws
 * RefusedProgram for a name that is unknown.
 */
export async function resolveIdentity(runAs: RunAs, files: AccountFiles = SYSTEM_FILES): Promise<Identity> {
  const account =
    runAs.user === undefined ? { uid: ROOT, gid: ROOT } : await findUser(runAs.user, files.passwd);
  if (runAs.group === undefined) return account;
  return { uid: account.uid, gid: await findGroup(runAs.group, files.group) };
}

async function findUser(user: string, file: string): Promise<Identity> {
  const number = idNumber(user);
  const found = (await entries(file)).find(([name, , uid]) =>
    number === undefined ? name === user : Number(uid) === number,
  );
  if (found === undefined && number !== undefined) return { uid: number, gid: number };
  const [, , uid, gid] = found ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw new RefusedProgram(
    `there is no user ${user} in ${file}: create it, or give the number of one that is kept elsewhere`,
  );
}

async function findGroup(group: string, file: string): Promise<number> {
  const number = idNumber(group);
  if (number !== undefined) return number;
  const [, , gid] = (await entries(file)).find(([name]) => name === group) ?? [];
  if (gid !== undefined) return Number(gid);
  throw new RefusedProgram(
    `there is no group ${group} in ${file}: create it, or give the number of one that is kept elsewhere`,
  );
}

function idNumber(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  return Number(text) <= LARGEST_ID ? Number(text) : undefined;
}

/** A file that is missing has no entries: numbers still work. Throws what else keeps it from being read. */
async function entries(file: string): Promise<readonly (readonly string[])[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw cause;
  });
  return text.split('\n').map((line) => line.split(':'));
}
