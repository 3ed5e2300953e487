/** User Mode Linux: a whole kernel as an ordinary program, up in 3 s. It has IPVS, but no nftables of family ip, ip6, inet. */
import type { Readable, Writable } from 'node:stream';
import { CPU_SIGN, leastUsedCpu } from './cpus.ts';
import type { KernelKind } from './kernel-kind.ts';

const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'fo', 'ovf', 'lblc', 'lblcr', 'dh', 'sh', 'mh', 'sed', 'nq'];

export const USER_MODE_KERNEL: KernelKind = {
  commandLine({ runtime, memory, taps, parameters, init: [first, ...rest] }) {
    const vectors = taps.map((tap, i) => `vec${i}:transport=tap,ifname=${tap},depth=128,gro=1`);
    // One that moves between CPUs runs several times slower.
    const cpu = leastUsedCpu();
    return [
      ...['taskset', '-c', String(cpu), 'linux.uml', `mem=${memory}M`],
      ...['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', 'quiet'],
      ...[`uml_dir=${runtime}`, 'con=null', 'con0=null,fd:1', 'ssl=null', 'ssl0=fd:3,fd:4', ...vectors],
      ...[
        'lab_modules=/usr/lib/uml/modules',
        'lab_line=ttyS0',
        `${CPU_SIGN}${cpu}`,
        ...parameters,
        `init=${first}`,
        '--',
        ...rest,
      ],
    ];
  },
  stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  line: ({ stdio }) => ({ output: stdio[3] as Writable, input: stdio[4] as Readable }),
  device: (index) => `vec${index}`,
  // The kernel finds none by itself.
  modules: [
    ...SCHEDULERS.map((scheduler) => `ip_vs_${scheduler}`),
    'ip_vs',
    'ipip',
    'dummy',
    'veth',
    'bridge',
  ],
};
