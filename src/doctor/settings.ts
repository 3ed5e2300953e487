/** Kernel settings that are not as they should be. */
import { readSetting } from '../kernel/sysctl.ts';
import type { Config } from '../model/config.ts';
import { defeatsOf, viewOfConfig } from '../prepare/defeats.ts';
import { judge } from '../prepare/quiet.ts';
import { type KernelSetting, type ReadSetting, settingCommand, settingName } from '../prepare/setting.ts';
import { type Finding, good, problem, warning } from './finding.ts';

export const settingFindings = (
  settings: readonly KernelSetting[],
  read: ReadSetting = readSetting,
  /** Of a real server: those by which it may be asked for its VIP. */
  links: readonly string[] = [],
): readonly Finding[] =>
  judge(settings, links, read)
    .filter((judged) => !judged.good)
    .map(({ setting, held }) =>
      problem(`${settingName(setting.path)} is ${held}`, setting.without, settingCommand(setting)),
    );

/** Where nothing is wrong with any of the settings that were looked at. */
export const SETTINGS_GOOD = good(
  'forwarding, reverse-path filters and the other kernel settings are as the services need them',
);

/** What the kernel holds of `net.ipv4.vs`, though the configuration says nothing of it, and what that defeats. */
export const defeatFindings = (
  config: Config,
  wanted: readonly KernelSetting[],
  read: ReadSetting = readSetting,
): readonly Finding[] =>
  defeatsOf(viewOfConfig(config), wanted, read).map(({ what, breaks, mend }) => warning(what, breaks, mend));
