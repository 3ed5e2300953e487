/** Settings of the kernel (`ipvs.sysctl`) that defeat what services ask for. */
import { errorAt, type Finding, warningAt } from '../finding.ts';
import { type ConfigDraft, type ServiceDraft, servicesOf } from './draft.ts';

interface Conflict {
  readonly setting: string;
  readonly value: string;
  /** What in a service it defeats. */
  readonly defeats: (service: ServiceDraft, draft: ConfigDraft) => boolean;
  /** What comes of it, behind the name of the service, and what to do. */
  readonly consequence: string;
  readonly severity?: 'error';
}

const drains = ({ on_failure: given, scheduler }: ServiceDraft): boolean =>
  given === 'drain' || (given === undefined && scheduler === 'mh');

const hasRouters = ({ virtual_routers: routers }: ConfigDraft): boolean =>
  Object.keys(routers ?? {}).length > 0;

const CONFLICTS: readonly Conflict[] = [
  {
    setting: 'expire_nodest_conn',
    value: '0',
    defeats: (service) => 'check' in service && !drains(service),
    consequence: 'leaves the clients of a removed real server hanging: use 1, or on_failure: drain',
  },
  {
    setting: 'expire_quiescent_template',
    value: '0',
    defeats: (service) => 'persistence' in service && drains(service),
    consequence: 'leaves persistent clients at a real server that has failed: use 1, or on_failure: remove',
  },
  {
    setting: 'conn_reuse_mode',
    value: '0',
    defeats: drains,
    consequence: 'leaves clients that reuse their port at a real server that has failed: use 1',
  },
  {
    setting: 'sloppy_tcp',
    value: '0',
    defeats: (service, draft) =>
      service.scheduler === 'mh' && (service.protocol ?? 'tcp') === 'tcp' && hasRouters(draft),
    consequence:
      'drops its connections on a failover, although mh would send them to the same real server: use 1',
  },
  {
    setting: 'sloppy_sctp',
    value: '0',
    defeats: ({ scheduler, protocol }, draft) =>
      scheduler === 'mh' && protocol === 'sctp' && hasRouters(draft),
    consequence:
      'drops its associations on a failover, although mh would send them to the same real server: use 1',
  },
  {
    setting: 'conntrack',
    value: '0',
    defeats: (service) =>
      service.forwarding === 'fullnat' ||
      [...(service.real_servers ?? []), ...(service.sorry_server ?? [])].some(
        (server) => server?.forwarding === 'fullnat',
      ),
    consequence: 'does not go together with forwarding fullnat: use 1, or leave it out',
    severity: 'error',
  },
];

export function ipvsSettingFindings(draft: ConfigDraft): readonly Finding[] {
  const settings: Readonly<Record<string, string | undefined>> = draft.ipvs?.sysctl ?? {};
  return CONFLICTS.flatMap(({ setting, value, defeats, consequence, severity }) => {
    if (settings[setting] !== value) return [];
    const service = servicesOf(draft).find((each) => defeats(each.value, draft));
    if (service === undefined) return [];
    const message = `${setting} ${value}, for service "${service.name}": it ${consequence}`;
    return [(severity === 'error' ? errorAt : warningAt)(['ipvs', 'sysctl', setting], message)];
  });
}
