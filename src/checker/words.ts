/** The words that people read in a result. They hold nothing that varies between like results, so that equal is equal. */
import type { ResultCode } from '../model/check.ts';
import { reasonOf } from '../model/reason.ts';
import type { Verdict } from './attempt.ts';
import { bad } from './attempt.ts';

/** What connect(2) says when the network or the real server refuses. */
const REFUSALS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ECONNABORTED: 'connection aborted',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  EHOSTDOWN: 'host is down',
  ENETUNREACH: 'network is unreachable',
  ENETDOWN: 'network is down',
  EPROTO: 'protocol error',
};

/**
 * Errors of this machine, which say nothing of the real server: out of descriptors, memory, buffers or local ports,
 * or a local packet filter that drops what we send (EPERM).
 */
const OWN_TROUBLES: Readonly<Record<string, string>> = {
  EMFILE: 'out of file descriptors (this process)',
  ENFILE: 'out of file descriptors (this machine)',
  ENOBUFS: 'out of network buffers',
  ENOMEM: 'out of memory',
  EADDRNOTAVAIL: 'no local port or address is free',
  EPERM: 'forbidden by a local packet filter',
  EACCES: 'forbidden on this machine',
  EAFNOSUPPORT: 'address family not supported by this machine',
};

export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const isOwnTrouble = (error: unknown): boolean => Object.hasOwn(OWN_TROUBLES, errorCode(error));

/** Falls back to the error's own message for what the tables do not have. */
export function errorText(error: unknown): string {
  const code = errorCode(error);
  return REFUSALS[code] ?? OWN_TROUBLES[code] ?? reasonOf(error);
}

/** Error messages may quote what the peer sent; a status line need not. */
const LONGEST_TEXT = 160;

/** The verdict on an error: CHKERR where it is our own trouble, else `code` with `prefix` before the words. */
export const badBecause = (error: unknown, code: ResultCode, prefix = ''): Verdict =>
  isOwnTrouble(error)
    ? bad('CHKERR', errorText(error))
    : bad(code, `${prefix}${errorText(error)}`.slice(0, LONGEST_TEXT));
