import { describe, expect, it } from 'vitest';
import { xdpFindings } from '../../../src/doctor/link-traps.ts';

/** As ip(8) of iproute2 6.1 prints two links with a program, and one without. */
const LISTING = JSON.stringify([
  { ifindex: 1, ifname: 'lo', flags: ['LOOPBACK', 'UP'], mtu: 65536 },
  {
    ifindex: 2,
    ifname: 'eth0',
    xdp: { mode: 2, prog: { id: 98, name: 'balance', tag: '614b434c', jited: 1 } },
  },
  { ifindex: 3, ifname: 'eth1', xdp: { mode: 1, prog: { id: 99 } } },
  { ifindex: 4, ifname: 'eth2', mtu: 1500 },
]);

describe('XDP', () => {
  it('is found on links of ours, with the command that takes it away as it was put there', () => {
    const found = xdpFindings(LISTING, ['eth0', 'eth1', 'eth2']);
    expect(found.map(({ what, mend }) => [what, mend])).toEqual([
      [
        'XDP sees every packet of eth0 before this host does (program 98, balance)',
        'bpftool prog show id 98; if nobody needs it: ip link set dev eth0 xdpgeneric off',
      ],
      [
        'XDP sees every packet of eth1 before this host does (program 99)',
        'bpftool prog show id 99; if nobody needs it: ip link set dev eth1 xdpdrv off',
      ],
    ]);
    expect(xdpFindings(LISTING, ['eth2'])).toEqual([]);
  });
});
