/** Settings of the kernel (`ipvs.sysctl`) that defeat what services ask for. */
import { type ConfigView, SETTING_RULES, type ServiceView } from '../../prepare/defeats.ts';
import { errorAt, type Finding, warningAt } from '../finding.ts';
import { type ConfigDraft, type Named, type ServiceDraft, servicesOf } from './draft.ts';

export function ipvsSettingFindings(draft: ConfigDraft): readonly Finding[] {
  const sysctl: Readonly<Record<string, string | undefined>> = draft.ipvs?.sysctl ?? {};
  if (Object.keys(sysctl).length === 0) return [];
  const config = viewOf(draft, sysctl);
  return SETTING_RULES.flatMap(({ setting, isBad, defeats, consequence, mend, advice, kind }) => {
    const value = sysctl[setting];
    if (value === undefined || kind === 'choice' || !isBad(value, (other) => sysctl[other])) return [];
    const service = config.services.find((each) => defeats(each, config));
    if (service === undefined) return [];
    const message = `${setting} ${value}, for service "${service.name}": it ${consequence}: ${advice ?? `use ${mend}`}`;
    return [(kind === 'error' ? errorAt : warningAt)(['ipvs', 'sysctl', setting], message)];
  });
}

const viewOf = (draft: ConfigDraft, sysctl: ConfigView['sysctl']): ConfigView => ({
  services: servicesOf(draft).map(viewOfService),
  floats: Object.keys(draft.virtual_routers ?? {}).length > 0,
  synchronises: draft.ipvs?.sync !== undefined,
  sysctl,
});

function viewOfService({ name, value: service }: Named<ServiceDraft>): ServiceView {
  const { scheduler, on_failure: given } = service;
  const usual = service.forwarding ?? [];
  const own = [...(service.real_servers ?? []), ...(service.sorry_server ?? [])];
  return {
    name,
    isChecked: 'check' in service,
    drains: given === 'drain' || (given === undefined && scheduler === 'mh'),
    isPersistent: 'persistence' in service,
    scheduler,
    protocols: [service.protocol ?? 'tcp'],
    forwardings: [usual, own.flatMap((server) => server?.forwarding ?? [])].flat(),
  };
}
