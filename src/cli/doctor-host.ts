/** What the host is that `vipward doctor` looks at: a director, a real server, or both. */

import type { ExaminedRole } from '../doctor/by-hand.ts';
import { type Finding, problem, unknown } from '../doctor/finding.ts';
import type { Examined } from '../doctor/round.ts';
import type { IpAddress } from '../model/address.ts';
import { isError } from '../model/problem.ts';
import { reasonOf } from '../model/reason.ts';
import { readConfigFile } from './config-file.ts';
import { DEFAULT_CONFIG } from './run-line.ts';

export interface HostOptions {
  readonly config: string;
  readonly stateDir: string;
  readonly realserver?: true;
  readonly vip?: readonly IpAddress[];
  readonly forwarding?: 'dr' | 'tun';
}

/** `wrong`: why something of it is not known. */
type Found = Examined & { readonly wrong: readonly Finding[] };

/** Rejects for a host that is neither. */
export async function findHost(options: HostOptions): Promise<Found> {
  const taken = await findTaken(options);
  if (options.realserver === true || options.vip !== undefined || options.forwarding !== undefined)
    return findRealServer(options, taken);
  const bytes = await readConfigFile(options.config).catch((error: unknown) => error as Error);
  if (bytes instanceof Error) {
    if (taken.roles.length > 0) return taken;
    // Who names a file means a director: what is hidden there may be anything.
    const found = options.config === DEFAULT_CONFIG ? both(taken, await findByHand(options, [])) : taken;
    if (found.roles.length > 0 || found.wrong.length > 0) return found;
    throw new Error(
      `${reasonOf(bytes)}: on a director, name its file by --config; a real server is first made one by vipward realserver start`,
    );
  }
  return findConfig(bytes, options.config, taken);
}

const NOTHING: Found = { config: undefined, roles: [], wrong: [] };

const both = (one: Found, other: Found): Found => ({
  config: undefined,
  roles: [...one.roles, ...other.roles],
  wrong: [...one.wrong, ...other.wrong],
});

/** The roles that vipward has taken up here. */
async function findTaken({ stateDir }: HostOptions): Promise<Found> {
  const { listRoles } = await import('../realserver/roles.ts');
  try {
    return { ...NOTHING, roles: Object.values(listRoles(stateDir)) };
  } catch (error) {
    return { ...NOTHING, wrong: [unknown('what this host is as a real server', reasonOf(error))] };
  }
}

async function findRealServer(options: HostOptions, taken: Found): Promise<Found> {
  const found = both(taken, await findByHand(options, taken.roles));
  if (found.roles.length > 0 || found.wrong.length > 0) return found;
  throw new Error(
    'no VIP is hidden on this host: vipward realserver start --vip ADDRESS --forwarding dr|tun makes it a real server; what one that was made otherwise lacks: vipward doctor --vip ADDRESS',
  );
}

async function findByHand({ vip, forwarding }: HostOptions, taken: readonly ExaminedRole[]): Promise<Found> {
  const [{ rolesByHand }, { lookAtNetwork }] = await Promise.all([
    import('../doctor/by-hand.ts'),
    import('../doctor/host.ts'),
  ]);
  try {
    const known = new Set(taken.flatMap(({ vips }) => vips));
    return { ...NOTHING, roles: rolesByHand({ vips: vip, forwarding }, known, lookAtNetwork()) };
  } catch (error) {
    return { ...NOTHING, wrong: [unknown('which VIPs are hidden here', reasonOf(error))] };
  }
}

async function findConfig(bytes: Uint8Array, file: string, taken: Found): Promise<Found> {
  const [{ loadConfig }, { readEnvironment }] = await Promise.all([
    import('../conf/load.ts'),
    import('../conf/environment.ts'),
  ]);
  const { config, problems } = loadConfig(bytes, file, readEnvironment());
  if (config !== undefined) return { ...taken, config };
  const errors = problems.filter(isError).length;
  const unusable = problem(
    `${file} has ${errors} error${errors === 1 ? '' : 's'}`,
    'the daemon does not start or reload with it, and what it needs of this host is not known',
    `vipward check ${file}`,
  );
  return { ...taken, wrong: [...taken.wrong, unusable] };
}
