/** `ipvs.prepare: false`: what others, sysctl.d for one, must set then. */
import type { Config } from '../../model/config.ts';
import { directorSettings } from '../../prepare/director.ts';
import { settingName } from '../../prepare/setting.ts';
import { type Finding, warningAt } from '../finding.ts';

/** Nobody reads more in a line; the doctor lists all. */
const SHOWN = 8;

/** Of a configuration without errors, as what services need follows from all of it. */
export function preparationFindings(
  config: Pick<Config, 'virtualServers' | 'virtualRouters' | 'ipvs'>,
): readonly Finding[] {
  if (config.ipvs.prepare) return [];
  // Which links have IPv6 is known where it runs: their settings are among those that the doctor lists.
  const settings = directorSettings(config, []).map(({ path, value }) => `${settingName(path)}=${value}`);
  if (settings.length === 0) return [];
  const more = settings.length > SHOWN ? ` and ${settings.length - SHOWN} more` : '';
  return [
    warningAt(
      ['ipvs', 'prepare'],
      `the services need ${settings.slice(0, SHOWN).join(', ')}${more}, which vipward does not set then: set them in /etc/sysctl.d; \`vipward doctor\` tells which of them are missing`,
    ),
  ];
}
