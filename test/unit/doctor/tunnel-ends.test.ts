import { describe, expect, it } from 'vitest';
import { type TunnelEnd, tunnelEndFindings, tunnelEnds } from '../../../src/doctor/tunnel-ends.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { entryAt, realServerAt, virtualServer } from '../../support/virtual-server.ts';

const gue = { kind: 'gue', port: 6080, checksum: 'none' } as const;
const gre = { kind: 'gre', port: 0, checksum: 'none' } as const;
const tun = (address: string, more: object = {}) => realServerAt(address, { forwarding: 'tun', ...more });

describe('the end of a tunnel', () => {
  it('is asked once, with the virtual addresses that it carries as its own family does', () => {
    const servers = [
      tun('10.9.0.2'),
      tun('10.9.0.2', { tunnel: gue }),
      tun('2001:db8::9'),
      realServerAt('10.1.1.2'),
    ];
    const ends = tunnelEnds({
      virtualServers: [
        virtualServer({ name: 'a', entries: [entryAt('10.1.1.254')], realServers: servers }),
        virtualServer({ name: 'b', entries: [entryAt('10.1.1.253')], realServers: servers }),
      ],
    });
    expect(ends.map(({ service, address, tunnel, vips }) => [service, address, tunnel.kind, vips])).toEqual([
      ['a', '10.9.0.2', 'ipip', ['10.1.1.254']],
      ['a', '10.9.0.2', 'gue', ['10.1.1.254']],
    ]);
  });

  const end = (address: string, tunnel: TunnelEnd['tunnel'], vip: string): TunnelEnd => ({
    service: 'a',
    address: address as IpAddress,
    tunnel,
    vips: [vip as IpAddress],
  });
  it.each([
    [
      end('10.9.0.2', gue, '10.1.1.254'),
      'modprobe fou; ip fou add port 6080 gue; vipward realserver start --vip 10.1.1.254 --forwarding tun',
    ],
    [end('2001:db8::2', gue, '2001:db8::fe'), 'modprobe fou6; ip -6 fou add port 6080 gue; '],
    [
      end('10.9.0.2', gre, '10.1.1.254'),
      'modprobe ip_gre; ip addr add 10.1.1.254/32 dev gre0; ip link set gre0 up; sysctl',
    ],
    [
      end('2001:db8::2', gre, '2001:db8::fe'),
      'modprobe ip6_gre; ip addr add 2001:db8::fe/128 dev ip6gre0; ip link set ip6gre0 up',
    ],
  ])(
    '%#: is a problem where only what comes by itself is answered, and is opened by a command',
    (asked, command) => {
      expect(tunnelEndFindings([[asked, 'outside']])).toMatchObject([
        { severity: 'problem', mend: expect.stringContaining(`on the real server: ${command}`) },
      ]);
      expect(tunnelEndFindings([[asked, 'inside']])).toMatchObject([{ severity: 'good' }]);
      expect(tunnelEndFindings([[asked, 'none']])).toMatchObject([{ severity: 'unknown' }]);
    },
  );
});
