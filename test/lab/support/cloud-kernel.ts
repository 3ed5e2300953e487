/**
 * Debian's cloud kernel in QEMU's software emulation: IPVS and nftables together, and modules that are loaded when they
 * are needed, as on a machine. Up in 5 to 10 s, and programs run several times slower than in User Mode Linux.
 */
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { KernelKind } from './kernel-kind.ts';

/** Where test/support/setup unpacks the kernel's package. */
const PACKAGE = '/var/cache/vipward/cloud-kernel';

/** The emulated CPU need not defend itself, nor find out how fast its clocks are. */
const PARAMETERS =
  'console=ttyS0 quiet panic=-1 mitigations=off audit=0 apparmor=0 tsc=reliable no_timer_check';

export const CLOUD_KERNEL: KernelKind = {
  commandLine({ runtime, memory, taps, parameters, init: [first, ...rest] }) {
    const append = [
      ...[PARAMETERS, `lab_modules=${PACKAGE}/lib/modules`, 'lab_line=vport1p1', 'lab_root=pivot'],
      ...[...parameters, `lab_first=${first}`, '--', ...rest],
    ].join(' ');
    const options = [
      ...['-machine', 'pc,memory-backend=memory', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '1'],
      ...['-m', `${memory}M`, '-object', `memory-backend-memfd,id=memory,size=${memory}M,share=on`],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-append', append],
      ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
      // The order of the devices gives the line its name in the kernel: the disk of files first, then the line.
      ...['-chardev', `socket,id=files,path=${runtime}/files`],
      ...['-device', 'vhost-user-fs-pci,chardev=files,tag=files,queue-size=1024'],
      ...['-device', 'virtio-serial-pci', '-chardev', 'socket,id=agent,fd=3'],
      ...['-device', 'virtserialport,chardev=agent,name=agent'],
      ...taps.flatMap((tap, i) => [
        ...['-netdev', `tap,id=net${i},ifname=${tap},script=no,downscript=no`],
        ...['-device', `virtio-net-pci,netdev=net${i},romfile=`],
      ]),
    ];
    const script = join(import.meta.dirname, 'cloud-kernel');
    return ['sh', script, PACKAGE, runtime, ...options];
  },
  stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  line({ stdio }) {
    const both = stdio[3] as Duplex;
    return { output: both, input: both };
  },
  device: (index) => `eth${index}`,
  modules: ['virtio_net', 'ip_vs'],
};
