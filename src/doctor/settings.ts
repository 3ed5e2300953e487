/** Kernel settings that are not as they should be. */
import { readSetting } from '../kernel/sysctl.ts';
import {
  isSatisfied,
  type KernelSetting,
  type ReadSetting,
  settingCommand,
  settingName,
} from '../prepare/setting.ts';
import { type Finding, good, problem } from './finding.ts';

export function settingFindings(
  settings: readonly KernelSetting[],
  read: ReadSetting = readSetting,
): readonly Finding[] {
  const found = settings
    .filter((setting) => !isSatisfied(setting, read))
    .map((setting) =>
      problem(
        `${settingName(setting.path)} is ${read(setting.path) ?? 'not there'}`,
        setting.without,
        settingCommand(setting),
      ),
    );
  if (found.length > 0 || settings.length === 0) return found;
  return [
    good('forwarding, reverse-path filters and the other kernel settings are as the services need them'),
  ];
}
