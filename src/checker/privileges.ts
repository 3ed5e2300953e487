/** Giving up root: the checker reads what real servers send, so it must not be able to do anything else. */
import { readFileSync } from 'node:fs';
import { reasonOf } from '../model/reason.ts';

export interface Identity {
  /** 1 and up. */
  readonly uid: number;
  readonly gid: number;
}

export class PrivilegeError extends Error {
  override readonly name = 'PrivilegeError';
}

/**
 * Whom the manager asks this process to become, in VIPWARD_CHECKER_UID and VIPWARD_CHECKER_GID; undefined where it
 * asks for nothing. Throws PrivilegeError for half a request, for what is no number, and for root.
 */
export function requestedIdentity(environment: NodeJS.ProcessEnv): Identity | undefined {
  const { VIPWARD_CHECKER_UID: uid, VIPWARD_CHECKER_GID: gid } = environment;
  if (uid === undefined && gid === undefined) return undefined;
  return { uid: idNumber('VIPWARD_CHECKER_UID', uid), gid: idNumber('VIPWARD_CHECKER_GID', gid) };
}

function idNumber(name: string, text: string | undefined): number {
  const value = /^\d{1,10}$/.test(text ?? '') ? Number(text) : 0;
  if (value >= 1 && value < 2 ** 32 - 1) return value;
  throw new PrivilegeError(
    `${name} is ${text ?? 'not set'}: want the number of a user or group other than root`,
  );
}

/**
 * Becomes `identity` for good and makes sure of it. Throws PrivilegeError when any privilege is left: the process must
 * not go on then.
 */
export function dropPrivileges(identity: Identity): void {
  if (process.getuid?.() === 0) become(identity);
  const left = remainingPrivileges(readFileSync('/proc/self/status', 'latin1'), identity);
  if (left.length > 0) {
    throw new PrivilegeError(
      `could not become uid ${identity.uid}, gid ${identity.gid}: still ${left.join(', ')}; ` +
        'start the manager as root with CAP_SETUID and CAP_SETGID, or unset VIPWARD_CHECKER_UID and VIPWARD_CHECKER_GID',
    );
  }
}

function become({ uid, gid }: Identity): void {
  try {
    // In this order: the last step takes away the right to the first two.
    process.setgroups?.([]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    throw new PrivilegeError(
      `could not become uid ${uid}, gid ${gid}: ${reasonOf(error)}; it takes CAP_SETUID and CAP_SETGID`,
      { cause: error },
    );
  }
}

/** What /proc/PID/status (proc_pid_status(5)) shows beyond a plain process of `identity`: nothing when all is well. */
export function remainingPrivileges(status: string, identity: Identity): readonly string[] {
  const field = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1] ?? 'unknown';
  const left: string[] = [];
  // Real, effective, saved and file system.
  if (field('Uid') !== Array(4).fill(identity.uid).join('\t')) left.push(`Uid ${field('Uid')}`);
  if (field('Gid') !== Array(4).fill(identity.gid).join('\t')) left.push(`Gid ${field('Gid')}`);
  const groups = field('Groups')
    .split(/\s+/)
    .filter((group) => group !== '' && group !== String(identity.gid));
  if (groups.length > 0) left.push(`Groups ${groups.join(' ')}`);
  for (const name of ['CapPrm', 'CapEff', 'CapAmb']) {
    if (!/^0+$/.test(field(name))) left.push(`${name} ${field(name)}`);
  }
  return left;
}
