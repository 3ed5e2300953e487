/** What the services need of the kernel that vipward does not set, or cannot, and what they need of the rest of the file. */
import type { Config } from '../../model/config.ts';
import { directorSettings } from '../../prepare/director.ts';
import { withoutPassiveFtp } from '../../prepare/modules.ts';
import { settingName } from '../../prepare/setting.ts';
import { endedByFailover } from '../../prepare/survival.ts';
import { type Finding, warningAt, warningAtKey } from '../finding.ts';

/** Nobody reads more in a line; the doctor lists all. */
const SHOWN = 8;

type Prepared = Pick<Config, 'virtualServers' | 'virtualRouters' | 'fixed' | 'ipvs'>;

/** Of a configuration without errors, as what services need follows from all of it. */
export const preparationFindings = (config: Prepared): readonly Finding[] => [
  ...unprepared(config),
  ...passiveFtp(config),
  ...endedByFailover(config).map(({ service, what, breaks, mend }) =>
    warningAtKey(['services', service], `${what}: ${breaks}; ${mend}`),
  ),
];

/** `ipvs.prepare: false`: what others, sysctl.d for one, must set then. */
function unprepared(config: Prepared): readonly Finding[] {
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

function passiveFtp(config: Prepared): readonly Finding[] {
  const service = withoutPassiveFtp(config);
  if (service === undefined) return [];
  return [
    warningAtKey(
      ['services', service.name],
      'if there is FTP behind it, clients in passive mode are told the address of a real server, which nat does not reach: give FTP a service of its own with port 21, for which the kernel tracks connections (or have a packet filter here track them)',
    ),
  ];
}
