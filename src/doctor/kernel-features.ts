/** What the configuration needs of the kernel itself: IPVS, its schedulers, and what younger kernels brought. Pure. */
import type { Config } from '../model/config.ts';
import { type Finding, good, problem, warning } from './finding.ts';

export interface KernelFacts {
  /** As uname -r: `6.1.0-28-amd64`. */
  readonly release: string;
  /** Whether it is loaded, or modprobe could load it. */
  hasModule(name: string): boolean;
}

/** `6.1.0-28-amd64` as [6, 1]. */
function versionOf(release: string): readonly [number, number] {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return [major, minor];
}

const isOlder = (release: string, [major, minor]: readonly [number, number]): boolean => {
  const [ours, below] = versionOf(release);
  return ours < major || (ours === major && below < minor);
};

export function kernelFindings(
  { virtualServers, ipvs }: Pick<Config, 'virtualServers' | 'ipvs'>,
  kernel: KernelFacts,
): readonly Finding[] {
  if (virtualServers.length === 0) return [];
  if (!kernel.hasModule('ip_vs')) {
    return [
      problem(
        'this kernel has no IPVS',
        'nothing is balanced; virtual addresses float all the same',
        'modprobe ip_vs, or install a kernel that has it (in a container: on the host)',
      ),
    ];
  }
  const found = [
    ...schedulers(virtualServers, kernel),
    ...tunnels(virtualServers, kernel),
    ...reuse(ipvs, virtualServers, kernel),
  ];
  return found.length > 0
    ? found
    : [good(`Linux ${kernel.release} has IPVS and every scheduler that is used`)];
}

function schedulers(virtualServers: Config['virtualServers'], kernel: KernelFacts): readonly Finding[] {
  const engines = virtualServers.some(({ persistence }) => persistence?.engine === 'sip') ? ['pe_sip'] : [];
  return [...new Set([...virtualServers.map(({ scheduler }) => scheduler), ...engines])]
    .filter((name) => !kernel.hasModule(`ip_vs_${name}`))
    .map((name) =>
      problem(
        `this kernel has no ip_vs_${name}`,
        `virtual servers that use ${name} are refused`,
        `modprobe ip_vs_${name}; where there is none, choose another`,
      ),
    );
}

/** Linux 5.3 and 5.4 (IPVS_DEST_ATTR_TUN_TYPE). */
const GUE = [5, 3] as const;

function tunnels(virtualServers: Config['virtualServers'], { release }: KernelFacts): readonly Finding[] {
  const wraps = virtualServers.some(({ realServers }) =>
    realServers.some(({ forwarding, tunnel }) => forwarding === 'tun' && tunnel.kind !== 'ipip'),
  );
  if (!wraps || !isOlder(release, GUE)) return [];
  return [
    problem(
      `Linux ${release} wraps tun in IP alone`,
      'gue and gre are ignored: the real servers take nothing out of them',
      'a kernel of 5.3 or later, or tunnel: ipip',
    ),
  ];
}

/** Before 5.9 a reused port waited a second for its connection to be rescheduled, with conn_reuse_mode 1. */
const REUSE = [5, 9] as const;

function reuse(
  { sysctl }: Pick<Config['ipvs'], 'sysctl'>,
  virtualServers: Config['virtualServers'],
  { release }: KernelFacts,
): readonly Finding[] {
  if (!isOlder(release, REUSE) || sysctl.conn_reuse_mode === '0') return [];
  // It would keep such a client at a real server that has failed.
  const drains = virtualServers.some(({ onFailure }) => onFailure === 'drain');
  const otherwise = drains ? '' : ', or ipvs: { sysctl: { conn_reuse_mode: 0 } }';
  return [
    warning(
      `Linux ${release} with conn_reuse_mode 1`,
      'a client that reuses a port within two minutes waits one second',
      `a kernel of 5.9 or later${otherwise}`,
    ),
  ];
}
