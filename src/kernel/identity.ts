/** Which kernel, since which boot, in which network namespace: what was changed there is there no more in another. */
import { readFileSync, readlinkSync } from 'node:fs';

/** The number of this network namespace; another may have it once this one is gone. */
export const networkNamespace = (): string =>
  /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? readlinkSync('/proc/self/ns/net');

/** Another one after each boot and in each network namespace; '' where /proc tells nothing. */
export function kernelIdentity(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/net')}`;
  } catch {
    return '';
  }
}
