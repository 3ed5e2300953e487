/** What this host does as a real server, and what was changed for that: gone with a reboot, as the changes are. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { kernelIdentity, networkNamespace } from '../kernel/identity.ts';
import { type IpAddress, parseAddress } from '../model/address.ts';
import { isPathPart, isSettingValue } from '../prepare/setting.ts';
import { makeDirectory } from '../sys/directory.ts';
import { readRegularFile } from '../sys/regular-file.ts';

const Address = z.string().transform((text, context): IpAddress => {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  context.addIssue({ code: 'custom', message: `${text} is no address` });
  return z.NEVER;
});
/** One that leads out of /proc/sys is not followed. */
const Part = z.string().refine(isPathPart, 'it is no part of the name of a kernel setting');
const Value = z.string().refine(isSettingValue, 'it is no value of a kernel setting');
const Role = z.object({
  vips: z.array(Address).readonly(),
  forwarding: z.enum(['dr', 'tun']),
  outer: z.enum(['ipv4', 'ipv6', 'as the VIP']),
});
const State = z.object({
  version: z.literal(1),
  /** After a reboot, and in another network namespace, there is nothing to put back. */
  kernel: z.string(),
  roles: z.record(z.string(), Role),
  settings: z.array(z.object({ path: z.tuple([Part], Part).readonly(), was: Value, set: Value })),
  /** Links that we have set up. */
  links: z.array(z.string()),
  /** Tunnels that we have opened to every protocol. */
  opened: z.array(z.string()),
  addresses: z.array(
    z.object({ device: z.string(), prefix: z.object({ address: Address, length: z.number() }) }),
  ),
});
export type RealServerState = z.infer<typeof State>;

/** In bytes: tens of thousands of VIPs. */
const SIZE_LIMIT = 8 * 1024 * 1024;

const empty = (): RealServerState => ({
  version: 1,
  kernel: kernelIdentity(),
  roles: {},
  settings: [],
  links: [],
  opened: [],
  addresses: [],
});

/** One for each network namespace, since several may share a directory. */
const fileIn = (directory: string): string => join(directory, `realserver-${networkNamespace()}.json`);

/** The state that was saved, or none. Throws for a file that cannot be read or was not written by us. */
export function readState(directory: string): RealServerState {
  const none = empty();
  const file = fileIn(directory);
  let state: RealServerState;
  try {
    state = State.parse(JSON.parse(Buffer.from(readRegularFile(file, SIZE_LIMIT)).toString()));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return none;
    throw new Error(
      `${file} is not what vipward wrote: what was changed for the real server is not known any more; undo it by hand and remove the file`,
      { cause },
    );
  }
  return state.kernel === none.kernel ? state : none;
}

/** Throws what the kernel says: nothing may be changed that could not be put back. */
export function writeState(directory: string, state: RealServerState): void {
  makeDirectory(directory);
  const file = fileIn(directory);
  // A power cut between the two would leave an empty file, which nobody wrote.
  writeFileSync(`${file}.new`, `${JSON.stringify(state)}\n`, { flush: true });
  renameSync(`${file}.new`, file);
}
