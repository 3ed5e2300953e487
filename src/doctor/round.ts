/** The doctor's round on a host, be it a director, a real server, or both: what the two have in common is told once. */
import { readSetting } from '../kernel/sysctl.ts';
import type { Config } from '../model/config.ts';
import { attemptAll, type Check } from './attempt.ts';
import type { ExaminedRole } from './by-hand.ts';
import { denialFindings } from './denials.ts';
import { directorChecks, directorSettingFindings } from './director.ts';
import { arpFindings, directorArpPassages, realServerArpPassages } from './filter/arp.ts';
import { markFindings } from './filter/marks.ts';
import { UNKNOWN_WAYS } from './filter/passage.ts';
import { directorPassages, passageFindings, realServerPassages } from './filter/traffic.ts';
import { type Filters, lookAtFilters } from './filters.ts';
import type { Finding } from './finding.ts';
import { lookAtLog, lookAtNetwork } from './host.ts';
import { lookAtLinks } from './link-traps.ts';
import { ownAddresses, realServerChecks, realServerSettingFindings } from './real-server.ts';
import { SETTINGS_GOOD } from './settings.ts';
import { trackingFindings } from './traps.ts';
import { lookAtWays } from './ways.ts';

/** What this host is. */
export interface Examined {
  /** Of the director. */
  readonly config: Config | undefined;
  /** Of the real server; empty where it is none. */
  readonly roles: readonly ExaminedRole[];
}

/** What cannot be looked at is a finding by itself, and costs no other. Never rejects. */
export async function examineHost(host: Examined): Promise<readonly Finding[]> {
  const filters = lookAtFilters();
  const { config, roles } = host;
  const checks: readonly Check[] = [
    ...(roles.length === 0 ? [] : realServerChecks(host, filters)),
    ['connection tracking', () => trackingFindings(readSetting)],
    ['what is done to packets on the links', () => lookAtLinks(lookAtNetwork())],
    ['what SELinux and AppArmor have denied', async () => denialFindings(await lookAtLog(), Date.now())],
    ...(config === undefined ? [] : directorChecks(config)),
  ];
  const found = await attemptAll(checks);
  // Thousands of rules and of real servers take the processor for seconds, in which no answer of anybody is heard.
  const judged = await attemptAll([
    ['kernel settings', () => settings(host, filters)],
    ['what packet filters do', async () => filtered(host, await filters)],
  ]);
  return [...found, ...judged];
}

async function settings({ config, roles }: Examined, filters: Promise<Filters>): Promise<readonly Finding[]> {
  const asked = [
    ...(roles.length === 0 ? [] : [await realServerSettingFindings(roles, filters)]),
    ...(config === undefined ? [] : [await directorSettingFindings(config)]),
  ];
  const found = asked.flatMap(({ findings }) => findings);
  const isGood = found.length === 0 && asked.some(({ count }) => count > 0);
  return [...found, ...(isGood ? [SETTINGS_GOOD] : []), ...asked.flatMap(({ defeats }) => defeats)];
}

async function filtered(
  { config, roles }: Examined,
  { ruleset, arp, marks, unseen }: Filters,
): Promise<readonly Finding[]> {
  // Rules may name links. Without rules, or where it is not told, none is known.
  const ways =
    ruleset.length === 0
      ? UNKNOWN_WAYS
      : await lookAtWays({ config, roles }, lookAtNetwork()).catch(() => UNKNOWN_WAYS);
  return [
    ...passageFindings(ruleset, [
      ...roles.flatMap((role) => realServerPassages(role, ways)),
      ...(config === undefined ? [] : directorPassages(config, ways)),
    ]),
    ...arpFindings(arp, [
      ...(roles.length === 0 ? [] : realServerArpPassages(ownAddresses(roles, lookAtNetwork()))),
      ...(config === undefined ? [] : directorArpPassages(config)),
    ]),
    ...(config === undefined ? [] : markFindings(config, marks)),
    ...unseen,
  ];
}
