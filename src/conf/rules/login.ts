/** Users, their passwords, and files that hold secrets. */
import type { LoginShape } from '../convert/login.ts';
import type { Environment } from '../environment.ts';
import { errorAt, errorAtKey, type Finding, type Path, warningAt } from '../finding.ts';

/** `path` leads to the mapping that has the three keys. */
export function loginFindings(login: LoginShape, path: Path, environment: Environment): readonly Finding[] {
  const passwords = (['password', 'password_file'] as const).filter((key) => key in login);
  const [first, second] = passwords;
  if (second !== undefined)
    return [
      errorAtKey([...path, second], 'there is a password already: keep one of password and password_file'),
    ];
  if (first === undefined)
    return 'user' in login
      ? [errorAtKey([...path, 'user'], 'a user needs a password: add password or password_file')]
      : [];
  if (!('user' in login)) return [errorAtKey([...path, first], `${first} without a user: add user`)];
  const { password_file: file } = login;
  return file === undefined ? [] : secretFindings(file, [...path, 'password_file'], environment);
}

export function secretFindings(file: string, path: Path, { readSecret }: Environment): readonly Finding[] {
  const secret = readSecret(file);
  if ('problem' in secret) return [errorAt(path, `${file} ${secret.problem}`)];
  if (!secret.exposed) return [];
  return [warningAt(path, `${file} can be read by others than its owner: chmod 600 ${file}`)];
}
