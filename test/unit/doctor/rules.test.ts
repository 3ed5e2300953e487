import { describe, expect, it } from 'vitest';
import { denialFindings } from '../../../src/doctor/denials.ts';
import type { Finding } from '../../../src/doctor/finding.ts';
import { kernelFindings } from '../../../src/doctor/kernel-features.ts';
import { ownerFindings } from '../../../src/doctor/owners.ts';
import { parsePeerStatus, peerFindings } from '../../../src/doctor/peer.ts';
import {
  type AskedServer,
  isAskable,
  onceEach,
  returnPathFinding,
  type Way,
} from '../../../src/doctor/return-path.ts';
import { tunnelMtuFindings, tunnelOverhead } from '../../../src/doctor/tunnel-mtu.ts';
import type { IpAddress, MacAddress } from '../../../src/model/address.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

const ip = (text: string) => text as IpAddress;
const mac = (text: string) => text as MacAddress;
const severities = (findings: readonly Finding[]) => findings.map(({ severity }) => severity);

describe('who answers for a virtual address', () => {
  const link = { name: 'eth0', index: 2, mac: mac('02:00:00:00:00:01') };
  const asked = (here: boolean) => [{ address: ip('10.1.1.254'), link, here }];
  const NOBODY = { addresses: new Map(), realServers: new Map(), links: new Map() };
  const answers = (...macs: readonly string[]) => new Map([[ip('10.1.1.254'), macs.map(mac)]]);

  it.each([
    [true, [], 'good'],
    [false, ['02:00:00:00:00:02'], 'good'],
    [false, [], 'warning'],
    [true, ['02:00:00:00:00:02'], 'problem'],
    [false, ['02:00:00:00:00:02', '02:00:00:00:00:03'], 'problem'],
  ] as const)('here %s, others %j: %s', (here, macs, severity) => {
    const [finding] = ownerFindings(asked(here), answers(...macs), NOBODY);
    expect(finding?.severity).toBe(severity);
    for (const each of severity === 'problem' ? macs : []) expect(finding?.what).toContain(each);
  });

  it('may be this host, by another of its links in the same network', () => {
    const other = mac('02:00:00:00:00:02');
    const known = { ...NOBODY, links: new Map([[other, 'eth1']]) };
    expect(ownerFindings(asked(true), answers(other), known)).toMatchObject([
      { severity: 'warning', mend: expect.stringMatching(/^sysctl -w net\.ipv4\.conf\.all\.arp_ignore=1;/) },
    ]);
    const third = mac('02:00:00:00:00:03');
    expect(severities(ownerFindings(asked(true), answers(other, third), known))).toEqual(['problem']);
  });

  it('is told by the name under which this host knows it; a real server is to hide it', () => {
    const other = mac('02:00:00:00:00:02');
    const find = (...realServers: readonly IpAddress[]) =>
      ownerFindings(asked(true), answers(other), {
        addresses: new Map([[other, [ip('10.1.1.254'), ip('10.1.1.7'), ip('10.1.1.2')]]]),
        realServers: new Map(realServers.map((each) => [each, 'dr'])),
        links: new Map(),
      });
    expect(find()[0]?.what).toMatch(/ and 02:00:00:00:00:02 \(10\.1\.1\.7\)$/);
    expect(find(ip('10.1.1.2'))).toMatchObject([
      {
        what: expect.stringMatching(/ and 02:00:00:00:00:02 \(real server 10\.1\.1\.2\)$/),
        mend: expect.stringMatching(
          /^on the real server 10\.1\.1\.2: vipward realserver start --vip 10\.1\.1\.254 --forwarding dr; /,
        ),
      },
    ]);
  });
});

describe('the other director', () => {
  const status = (changes: object = {}) => ({
    director: 'lvs2',
    version: '0.1.0',
    at: 1_000_000,
    configuration: { shared: 'a' },
    ...changes,
  });
  const asked = { from: 999_900, to: 1_000_100 };

  it.each([
    [{}, ['good']],
    [{ version: '0.2.0' }, ['warning']],
    [{ configuration: { shared: 'b' } }, ['problem']],
    [{ at: 1_003_000 }, ['warning']],
    [{ at: 990_000 }, ['warning']],
    [{ at: 1_001_000 }, ['good']],
  ] as const)('with %j', (changes, expected) => {
    expect(severities(peerFindings(status({ director: 'lvs1' }), status(changes), asked))).toEqual(expected);
  });

  it('by a file, which tells no time', () => {
    const found = peerFindings(status({ director: 'lvs1' }), status({ at: 0 }), undefined);
    expect(found).toMatchObject([{ severity: 'good', what: 'lvs2 has the same version and configuration' }]);
  });

  it.each(['', 'null', '[]', '{"version":1}', 'vipward: command not found'])(
    'that answers %j is no vipward',
    (text) => {
      expect(() => parsePeerStatus(text)).toThrow(/peer/);
    },
  );
});

describe('the way back of a masqueraded reply', () => {
  const network = { address: ip('10.2.0.1'), length: 24 };
  const server: AskedServer = {
    service: 'web',
    address: ip('10.2.0.2'),
    port: 80,
    source: ip('10.1.1.254'),
    network,
    links: ['eth1', 'vmac1'],
    floating: [],
  };
  const vips = [ip('10.1.1.254')];
  const seen = (link: string, ttl: number): Way => ({ kind: 'seen', by: 'ping', reply: { link, ttl } });
  const floating = (here: boolean) => ({ ...server, floating: [{ address: ip('10.2.0.254'), here }] });

  it.each([
    [server, vips, seen('eth1', 64), 'good'],
    [server, vips, seen('vmac1', 255), 'good'],
    [server, vips, seen('eth1', 63), 'problem'],
    [server, vips, seen('eth0', 64), 'problem'],
    [server, vips, seen('eth0', 127), 'problem'],
    [server, vips, { kind: 'lost', by: 'ping' }, 'problem'],
    [server, vips, { kind: 'silent' }, 'unknown'],
    [server, [ip('10.2.0.254')], seen('eth1', 64), 'warning'],
    [{ ...server, network: undefined }, vips, seen('eth1', 64), 'unknown'],
    [{ ...server, source: undefined }, vips, { kind: 'silent' }, 'unknown'],
    [floating(true), vips, seen('eth1', 64), 'good'],
    [floating(false), vips, seen('eth0', 63), 'unknown'],
  ] as const)('%#', (asked, addresses, way, severity) => {
    const finding = returnPathFinding(asked, addresses, way);
    expect(finding.severity).toBe(severity);
    if (severity === 'problem') expect(finding.mend).toContain('default via 10.2.0.1');
    expect(isAskable(asked, addresses)).toBe(
      severity !== 'warning' &&
        asked.source !== undefined &&
        asked.network !== undefined &&
        asked.floating.every(({ here }) => here),
    );
  });

  it('is asked of each host once, by TCP where any service has a port', () => {
    const udp = { ...server, service: 'dns', port: undefined };
    const other = { ...udp, address: ip('10.2.0.3') };
    expect(onceEach([udp, server, other, udp])).toEqual([server, other]);
  });

  it('leads to the address that floats, where there is one', () => {
    const { mend } = returnPathFinding(floating(true), vips, { kind: 'lost', by: 'ping' });
    expect(mend).toContain('ip route replace default via 10.2.0.254');
  });
});

describe('the kernel', () => {
  const ipvs = {
    exclusive: false,
    sync: undefined,
    timeouts: { tcp: undefined, tcpFin: undefined, udp: undefined },
    sysctl: {},
    prepare: true,
  };
  const findings = (modules: readonly string[], release = '6.1.0-28-amd64', servers = [virtualServer()]) =>
    kernelFindings(
      { virtualServers: servers, ipvs },
      { release, hasModule: (name) => modules.includes(name) },
    );

  it('without IPVS, without a scheduler, and with both', () => {
    expect(findings([])[0]?.mend).toContain('modprobe ip_vs');
    expect(findings(['ip_vs'])[0]?.what).toBe('this kernel has no ip_vs_wlc');
    expect(severities(findings(['ip_vs', 'ip_vs_wlc']))).toEqual(['good']);
    expect(findings([], '6.1.0', [])).toEqual([]);
  });

  it('too old for a tunnel, or for a port that is used again', () => {
    const tunnel = { kind: 'gue', port: 6080, checksum: 'none' } as const;
    const gue = virtualServer({ realServers: [realServerAt('10.1.1.2', { forwarding: 'tun', tunnel })] });
    expect(severities(findings(['ip_vs', 'ip_vs_wlc'], '4.19.0', [gue]))).toEqual(['problem', 'warning']);
    expect(severities(findings(['ip_vs', 'ip_vs_wlc'], '5.10.0', [gue]))).toEqual(['good']);
    const mend = (service: typeof gue) => findings(['ip_vs', 'ip_vs_wlc'], '5.4.0', [service]).at(-1)?.mend;
    expect(mend(gue)).toContain('conn_reuse_mode: 0');
    expect(mend({ ...gue, onFailure: 'drain' })).toBe('a kernel of 5.9 or later');
  });
});

describe('the MTU of a tunnel', () => {
  const tun = { forwarding: 'tun' } as const;
  const config = { virtualServers: [virtualServer({ realServers: [realServerAt('10.9.0.2', tun)] })] };
  const found = (mtu: number) =>
    tunnelMtuFindings(config, { client: 1500, to: () => ({ link: 'eth1', mtu }) });

  it('must have room for what the tunnel adds', () => {
    expect(severities(found(1500))).toEqual(['warning']);
    expect(found(1500)[0]?.mend).toContain('mtu 1520');
    expect(severities(found(1520))).toEqual(['good']);
    expect(severities(tunnelMtuFindings(config, { client: 1500, to: () => undefined }))).toEqual(['unknown']);
    expect(
      tunnelMtuFindings({ virtualServers: [virtualServer()] }, { client: 1500, to: () => undefined }),
    ).toEqual([]);
  });

  it.each([
    ['ipip', 'none', '10.9.0.2', 20],
    ['ipip', 'none', '2001:db8::2', 40],
    ['gre', 'none', '10.9.0.2', 24],
    ['gre', 'plain', '10.9.0.2', 28],
    ['gue', 'none', '10.9.0.2', 32],
    ['gue', 'remote', '10.9.0.2', 40],
  ] as const)('%s %s to %s adds %d bytes', (kind, checksum, address, bytes) => {
    expect(tunnelOverhead({ kind, port: 0, checksum }, ip(address))).toBe(bytes);
  });
});

describe('what was denied', () => {
  it('is ours alone, each kind once', () => {
    const line = (pid: number, comm: string) =>
      `audit: type=1400 audit(1.${pid}:2): apparmor="DENIED" operation="open" profile="x" pid=${pid} comm="${comm}"`;
    expect(severities(denialFindings([line(1, 'cupsd'), 'nothing'], 2000))).toEqual(['good']);
    expect(severities(denialFindings(undefined, 2000))).toEqual(['unknown']);
    const found = denialFindings([line(1, 'node'), line(2, 'node'), line(3, 'nft')], 2000);
    expect(severities(found)).toEqual(['problem', 'problem']);
    expect(found[0]?.mend).toContain('aa-complain x;');
    expect(found[0]?.what).toContain('denied by AppArmor 1s ago: ');
  });

  it('is a problem for an hour, and then no more than a line of the log', () => {
    const line =
      'audit: type=1400 audit(1000.5:2): avc:  denied  { write } for  pid=7 comm="node" scontext=x';
    const told = (hours: number) => denialFindings([line], (1000 + hours * 3600) * 1000);
    expect(told(0.5)).toMatchObject([{ severity: 'problem', mend: expect.stringContaining('semodule') }]);
    expect(told(2)).toMatchObject([
      { severity: 'warning', breaks: expect.stringContaining('mended it since') },
    ]);
  });
});
