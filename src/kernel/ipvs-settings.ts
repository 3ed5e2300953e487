/** Settings of IPVS as a whole: net.ipv4.vs.* (Documentation/networking/ipvs-sysctl.rst), one set a network namespace. */
import { readFileSync, writeFileSync } from 'node:fs';

const DIRECTORY = '/proc/sys/net/ipv4/vs';

export type IpvsSetting = 'expire_nodest_conn';

/** What became of a setting. `error`: the kernel refused, or has no such setting. */
export interface SettingOutcome {
  readonly was: number | undefined;
  readonly error: Error | undefined;
}

/** Sets `setting` to `value` unless it is that already. Never throws; the kernel must have IPVS loaded. */
export function ensureIpvsSetting(setting: IpvsSetting, value: number): SettingOutcome {
  const path = `${DIRECTORY}/${setting}`;
  let was: number | undefined;
  try {
    was = Number(readFileSync(path, 'utf8'));
    if (was !== value) writeFileSync(path, `${value}\n`);
    return { was, error: undefined };
  } catch (cause) {
    return {
      was,
      error: new Error(`cannot set ${path} to ${value}: ${(cause as Error).message}`, { cause }),
    };
  }
}
