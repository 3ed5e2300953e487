/**
 * Settings `net.ipv4.vs.NAME` that defeat what the configuration asks for, whoever set them: one list for what a file
 * says (`vipward check`) and for what the kernel holds (`vipward status`, `vipward doctor`). The kernel's own defaults
 * are none of them, those apart that vipward sets itself where they would be. Pure.
 */
import type { Config } from '../model/config.ts';
import { onceForEach } from '../model/once.ts';
import type { Protocol, Scheduler, ServiceForwarding } from '../model/virtual-server.ts';
import { type KernelSetting, type ReadSetting, settingName } from './setting.ts';

/** Of a service, as far as it is known: a file with mistakes is judged, too. */
export interface ServiceView {
  readonly name: string;
  readonly isChecked: boolean;
  readonly drains: boolean;
  readonly isPersistent: boolean;
  readonly scheduler: Scheduler | undefined;
  /** Of a mark that others set: what it mostly is. */
  readonly protocols: readonly Protocol[];
  /** Of its real servers and sorry servers. */
  readonly forwardings: readonly ServiceForwarding[];
}

export interface ConfigView {
  readonly services: readonly ServiceView[];
  /** Whether there may be another director. */
  readonly floats: boolean;
  /** Whether connections are synchronised with it. */
  readonly synchronises: boolean;
  /** `ipvs.sysctl` of the file. */
  readonly sysctl: Readonly<Record<string, string | undefined>>;
}

export interface SettingRule {
  readonly setting: string;
  /** `settingOf`: of another setting; undefined: not known. */
  readonly isBad: (value: string, settingOf: (setting: string) => string | undefined) => boolean;
  readonly defeats: (service: ServiceView, config: ConfigView) => boolean;
  /** What comes of it, behind `it`. */
  readonly consequence: string;
  /** The value that mends it. */
  readonly mend: string;
  /** What to do in the file, if more than to write `mend`. */
  readonly advice?: string;
  /** error: it cannot work; choice: whoever writes it means it, and it is told only where nobody has. */
  readonly kind?: 'error' | 'choice';
}

const is =
  (...values: readonly string[]) =>
  (value: string): boolean =>
    values.includes(value);
const always = (): boolean => true;
const synchronised = (_: ServiceView, { synchronises }: ConfigView): boolean => synchronises;
const isMasqueraded = ({ forwardings }: ServiceView): boolean =>
  forwardings.some((method) => method === 'nat' || method === 'fullnat');
const hashes =
  (protocol: Protocol) =>
  (service: ServiceView, { floats }: ConfigView) =>
    service.scheduler === 'mh' && service.protocols.includes(protocol) && floats;

/** Packets of a connection; more is never reached by most, or comes too late for a director that was away. */
const MOST_THRESHOLD = 100;
const MOST_PERIOD = 1000;
const pairOf = (value: string): readonly [number, number] => {
  const [threshold = 0, period = 0] = value.split(/\s+/).map(Number);
  return [threshold, period];
};

export const SETTING_RULES: readonly SettingRule[] = [
  {
    setting: 'expire_nodest_conn',
    isBad: is('0'),
    defeats: ({ isChecked, drains }) => isChecked && !drains,
    consequence: 'leaves the clients of a removed real server hanging',
    mend: '1',
    advice: 'use 1, or on_failure: drain',
  },
  {
    setting: 'expire_quiescent_template',
    isBad: is('0'),
    defeats: ({ isPersistent, drains }) => isPersistent && drains,
    consequence: 'leaves persistent clients at a real server that has failed',
    mend: '1',
    advice: 'use 1, or on_failure: remove',
  },
  {
    setting: 'conn_reuse_mode',
    isBad: is('0'),
    defeats: ({ drains }) => drains,
    consequence: 'leaves clients that reuse their port at a real server that has failed',
    mend: '1',
  },
  {
    setting: 'sloppy_tcp',
    isBad: is('0'),
    defeats: hashes('tcp'),
    consequence: 'drops its connections on a failover, although mh would send them to the same real server',
    mend: '1',
  },
  {
    setting: 'sloppy_sctp',
    isBad: is('0'),
    defeats: hashes('sctp'),
    consequence: 'drops its associations on a failover, although mh would send them to the same real server',
    mend: '1',
  },
  {
    setting: 'conntrack',
    isBad: is('0'),
    defeats: ({ forwardings }) => forwardings.includes('fullnat'),
    consequence: 'does not go together with forwarding fullnat',
    mend: '1',
    advice: 'use 1, or leave it out',
    kind: 'error',
  },
  {
    // ip_vs_sync_conn(): connections under a template are left out.
    setting: 'sync_persist_mode',
    isBad: is('1'),
    defeats: ({ isPersistent }, { synchronises }) => isPersistent && synchronises,
    consequence:
      'has the other director know the real server of each client, but no connection: they end on a failover',
    mend: '0',
  },
  {
    // ip_vs_sync_conn_v0().
    setting: 'sync_version',
    isBad: is('0'),
    defeats: synchronised,
    consequence:
      'keeps connections of IPv6 from being synchronised, and the marks and time-outs of all others',
    mend: '1',
  },
  {
    setting: 'sync_threshold',
    isBad: (value) => pairOf(value)[0] > MOST_THRESHOLD,
    defeats: synchronised,
    consequence: `keeps connections of less than so many packets (more than ${MOST_THRESHOLD}) from being synchronised`,
    mend: '3 50',
    advice: 'use [3, 50]',
  },
  {
    setting: 'sync_threshold',
    isBad: (value) => pairOf(value)[0] <= MOST_THRESHOLD && pairOf(value)[1] > MOST_PERIOD,
    defeats: synchronised,
    consequence: `has a director that comes back learn a connection only after so many packets (more than ${MOST_PERIOD})`,
    mend: '3 50',
    advice: 'use [3, 50]',
  },
  {
    // ip_vs_sync_conn_needed(): with a period of 0 and nothing to refresh, once and not again.
    setting: 'sync_threshold',
    isBad: (value, settingOf) =>
      pairOf(value)[0] <= MOST_THRESHOLD &&
      pairOf(value)[1] === 0 &&
      (settingOf('sync_refresh_period') ?? '0') === '0',
    defeats: synchronised,
    consequence: 'has a director that comes back never learn the connections that are open',
    mend: '3 50',
    advice: 'use [3, 50], or a sync_refresh_period',
  },
  {
    // tcp_states_dos[] of ip_vs_proto_tcp.c: SYNACK until the real server's first ACK after the client's.
    setting: 'secure_tcp',
    isBad: is('2', '3'),
    defeats: (service) => isMasqueraded(service) && service.protocols.includes('tcp'),
    consequence:
      'has a connection by nat on which the real server has said nothing yet forgotten after two minutes (3: always, 2: while memory is short)',
    mend: '0',
  },
  {
    setting: 'drop_entry',
    isBad: is('2', '3'),
    defeats: always,
    consequence: 'drops half-open connections at random (3: always, 2: while memory is short)',
    mend: '1',
  },
  {
    setting: 'drop_packet',
    isBad: is('2', '3'),
    defeats: always,
    consequence: 'drops packets of clients at random (3: always, 2: while memory is short)',
    mend: '1',
  },
  {
    // ensure_mtu_is_adequate().
    setting: 'pmtu_disc',
    isBad: is('0'),
    defeats: ({ forwardings }) => forwardings.includes('tun'),
    consequence:
      'cuts every full packet in two on its way into the tunnel, where it should tell the client of the smaller MTU',
    mend: '1',
  },
  {
    setting: 'run_estimation',
    isBad: is('0'),
    defeats: always,
    consequence: 'leaves rates unestimated: `vipward ipvsadm -L --rate` shows zeros',
    mend: '1',
    kind: 'choice',
  },
];

/** A setting that the kernel holds, and what it defeats. */
export interface Defeat {
  readonly what: string;
  readonly breaks: string;
  /** The command. */
  readonly mend: string;
}

/**
 * Of the kernel's settings, where the file says nothing of them and we do not set them for the services: a file that is
 * wrong was told by `vipward check`, and what we set but cannot is told by itself. `wanted`: what we set.
 */
export function defeatsOf(
  config: ConfigView,
  wanted: readonly KernelSetting[],
  read: ReadSetting,
): readonly Defeat[] {
  const ours = new Set(wanted.map(({ path }) => settingName(path)));
  const settingOf = (setting: string) => read(['net', 'ipv4', 'vs', setting]);
  return SETTING_RULES.flatMap(({ setting, isBad, defeats, consequence, mend }) => {
    const name = `net.ipv4.vs.${setting}`;
    const value = config.sysctl[setting] === undefined && !ours.has(name) ? settingOf(setting) : undefined;
    if (value === undefined || !isBad(value, settingOf)) return [];
    const service = config.services.find((each) => defeats(each, config));
    if (service === undefined) return [];
    const text = mend.includes(' ') ? `'${mend}'` : mend;
    return [
      {
        what: `${name} is ${value}`,
        breaks: `for service ${service.name}, it ${consequence}`,
        mend: `sysctl -w ${name}=${text}`,
      },
    ];
  });
}

export const viewOfConfig = ({
  virtualServers,
  virtualRouters,
  ipvs,
}: Pick<Config, 'virtualServers' | 'virtualRouters'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sysctl' | 'sync'>;
}): ConfigView => ({
  services: virtualServers.map(viewOfService),
  floats: virtualRouters.length > 0,
  synchronises: ipvs.sync !== undefined,
  sysctl: ipvs.sysctl,
});

const viewOfService = onceForEach((service: Config['virtualServers'][number]): ServiceView => {
  const { name, check, onFailure, persistence, scheduler, entries, match } = service;
  const known = [...entries.flatMap((key) => (key.kind === 'address' ? [key] : [])), ...match];
  return {
    name,
    isChecked: check !== undefined,
    drains: onFailure === 'drain',
    isPersistent: persistence !== undefined,
    scheduler,
    protocols: known.length === 0 ? ['tcp'] : [...new Set(known.map(({ protocol }) => protocol))],
    forwardings: [...service.realServers, ...service.sorryServers].map(({ forwarding }) => forwarding),
  };
});
