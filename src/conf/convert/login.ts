/** User and password of whoever logs in somewhere. */
import type { ReadSecret } from '../environment.ts';

export interface LoginShape {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly password_file?: string | undefined;
}

/** The rules have seen to it that the three fit together, and that the file can be read. */
export function toLogin({ user, password, password_file: file }: LoginShape, readSecret: ReadSecret) {
  if (user === undefined) return undefined;
  return { user, password: password ?? (file === undefined ? '' : secretText(file, readSecret)) };
}

/** The text of a file that the rules have found readable. */
export function secretText(path: string, readSecret: ReadSecret): string {
  const secret = readSecret(path);
  if ('problem' in secret) throw new Error(`${path} ${secret.problem}: the rules must refuse it first`);
  return secret.text;
}
