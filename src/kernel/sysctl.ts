/** Kernel settings, as sysctl(8) has them, of this network namespace: files under /proc/sys. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

const fileOf = (path: readonly string[]): string => `/proc/sys/${path.join('/')}`;

/** Its value, with one blank between several numbers; undefined where the kernel has no such setting, or hides it. */
export function readSetting(path: readonly string[]): string | undefined {
  try {
    return readFileSync(fileOf(path), 'utf8').trim().replaceAll(/\s+/g, ' ');
  } catch {
    return undefined;
  }
}

/** undefined once it is set, else why not: an Error that names the file and what to do. Never throws. */
export function writeSetting(path: readonly string[], value: string): Error | undefined {
  const file = fileOf(path);
  try {
    writeFileSync(file, `${value}\n`);
    return undefined;
  } catch (cause) {
    return new Error(`cannot set ${file} to ${value}: ${reasonOf(cause as NodeJS.ErrnoException)}`, {
      cause,
    });
  }
}

/** The interfaces that are up and have an address. */
export const linksInUse = (): readonly string[] => Object.keys(networkInterfaces());

/** The interfaces that have IPv6, but lo: not every tunnel does, and none where the kernel has no IPv6. */
export function linksWithIpv6(): readonly string[] {
  try {
    const names = readdirSync('/proc/sys/net/ipv6/conf');
    return names.filter((name) => !['all', 'default', 'lo'].includes(name));
  } catch {
    return [];
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'this kernel has no such setting, or the interface or module that it belongs to is not there yet';
    case 'EROFS':
      return 'read-only here: under systemd it takes ReadWritePaths=/proc/sys/net, in a container the host must set it';
    case 'EACCES':
    case 'EPERM':
      return 'not permitted: this needs root and CAP_NET_ADMIN';
    case 'EINVAL':
      return 'the kernel does not take this value';
    default:
      return message;
  }
}
