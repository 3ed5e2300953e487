import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import type { Config, ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { seconds } from '../../../src/model/units.ts';
import { directorSettings } from '../../../src/prepare/director.ts';
import { directorModules, withoutPassiveFtp } from '../../../src/prepare/modules.ts';
import { settingName } from '../../../src/prepare/setting.ts';
import { virtualRouter } from '../../support/virtual-router.ts';
import { entryAt, realServerAt, sorryServerAt, virtualServer } from '../../support/virtual-server.ts';

const LINKS = ['eth0', 'eth1'];

function settings(
  virtualServers: readonly ConfiguredVirtualServer[],
  sysctl: Readonly<Record<string, string>> = {},
  addresses: Config['fixed']['addresses'] = [],
): readonly string[] {
  const routers = [virtualRouter({ addresses: [{ address: '10.1.1.254' as IpAddress, length: 24 }] })];
  const config = {
    virtualServers,
    virtualRouters: routers,
    fixed: { addresses, routes: [], rules: [] },
    ipvs: { sysctl },
  };
  return directorSettings(config, LINKS).map(({ path, value }) => `${settingName(path)}=${value}`);
}

const EXPIRE = 'net.ipv4.vs.expire_nodest_conn=1';
const LOOSE = 'net.ipv4.conf.eth0.rp_filter=2';

describe('what a director must be told', () => {
  it('is nothing without virtual servers', () => {
    expect(settings([])).toEqual([]);
  });

  it('for direct routing and tunnels is a loose reverse-path filter where the clients come in', () => {
    expect(settings([virtualServer({ realServers: [realServerAt('10.1.1.2')] })])).toEqual([EXPIRE, LOOSE]);
    const elsewhere = virtualServer({
      entries: [entryAt('10.9.9.9')],
      realServers: [realServerAt('10.1.1.2', { forwarding: 'tun' })],
    });
    expect(settings([elsewhere])).toEqual([EXPIRE]);
  });

  it('is the same where the address is a static one', () => {
    const address = '10.9.9.9' as IpAddress;
    const direct = virtualServer({ entries: [entryAt(address)], realServers: [realServerAt('10.9.9.2')] });
    const nat = virtualServer({ realServers: [realServerAt('10.9.9.2', { forwarding: 'nat' })] });
    const fixed = [{ ...virtualRouter().addresses[0], address, length: 24, device: 'eth1' }];
    expect(settings([direct], {}, fixed)).toEqual([EXPIRE, 'net.ipv4.conf.eth1.rp_filter=2']);
    expect(settings([nat], {}, fixed)).toContain('net.ipv4.conf.eth1.send_redirects=0');
  });

  it('for nat is forwarding', () => {
    const nat = virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding: 'nat' })] });
    expect(settings([nat])).toEqual(['net.ipv4.ip_forward=1', EXPIRE]);
  });

  it('for nat of IPv6 is forwarding that keeps what router advertisements brought', () => {
    const nat = virtualServer({
      entries: [entryAt('2001:db8::1')],
      realServers: [realServerAt('2001:db8:2::2', { forwarding: 'nat' })],
    });
    expect(settings([nat])).toEqual([
      'net.ipv6.conf.eth0.accept_ra=2',
      'net.ipv6.conf.eth1.accept_ra=2',
      'net.ipv6.conf.all.forwarding=1',
      EXPIRE,
    ]);
  });

  it('for fullnat is connection tracking as well', () => {
    const full = virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding: 'fullnat' })] });
    expect(settings([full])).toEqual(['net.ipv4.ip_forward=1', EXPIRE, 'net.ipv4.vs.conntrack=1']);
  });

  it('for a sorry server is the same as for a real server, unless it is this director', () => {
    const sorry = (address: string, forwarding: 'fullnat' | 'dr') =>
      virtualServer({
        entries: [entryAt('10.9.9.9')],
        sorryServers: [sorryServerAt(address, { forwarding })],
      });
    expect(settings([sorry('10.2.0.9', 'fullnat')])).toEqual([
      'net.ipv4.ip_forward=1',
      EXPIRE,
      'net.ipv4.vs.conntrack=1',
    ]);
    expect(settings([sorry('127.0.0.1', 'fullnat')])).toEqual([EXPIRE]);
  });

  it('for nat in the network of the VIP is no word of a shorter way', () => {
    const nat = virtualServer({ realServers: [realServerAt('10.1.1.2', { forwarding: 'nat' })] });
    expect(settings([nat])).toEqual([
      'net.ipv4.ip_forward=1',
      'net.ipv4.conf.all.send_redirects=0',
      'net.ipv4.conf.eth0.send_redirects=0',
      EXPIRE,
    ]);
  });

  it('for a mark that vipward sets is the same as for the addresses that get it', () => {
    const mark = virtualServer({
      entries: [{ kind: 'mark', mark: 7, family: 'ipv4' }],
      match: [{ address: '10.1.1.254' as IpAddress, protocol: 'sctp', ports: [] }],
      scheduler: 'mh',
      realServers: [realServerAt('10.1.1.2')],
    });
    expect(settings([mark])).toEqual([EXPIRE, 'net.ipv4.vs.sloppy_sctp=1', LOOSE]);
    expect(settings([{ ...mark, match: [] }])).toEqual([EXPIRE, 'net.ipv4.vs.sloppy_tcp=1']);
  });

  it('follows scheduler and persistence', () => {
    const persistence = { timeout: seconds(300), ipv4Prefix: 32, ipv6Prefix: 128, engine: undefined };
    expect(settings([virtualServer({ scheduler: 'mh' })])).toContain('net.ipv4.vs.sloppy_tcp=1');
    expect(settings([virtualServer({ persistence, onFailure: 'drain' })])).toContain(
      'net.ipv4.vs.expire_quiescent_template=1',
    );
    expect(settings([virtualServer({ persistence })])).toEqual([EXPIRE]);
  });

  it('is what the file says before what follows from the services', () => {
    const said = settings([virtualServer()], { expire_nodest_conn: '0', sync_threshold: '3 50' });
    expect(said).toEqual(['net.ipv4.vs.expire_nodest_conn=0', 'net.ipv4.vs.sync_threshold=3 50']);
  });
});

const NAT = [realServerAt('10.1.1.2', { forwarding: 'nat' })];
const mark = (protocol: 'tcp' | 'udp', ports: ConfiguredVirtualServer['match'][number]['ports']) => ({
  entries: [{ kind: 'mark', mark: 7, family: 'ipv4' }] as const,
  match: [{ address: '10.1.1.254' as IpAddress, protocol, ports }],
});

describe('the modules of a director', () => {
  const names = (virtualServers: readonly ConfiguredVirtualServer[]) =>
    directorModules({ virtualServers }).map(({ name }) => name);

  it('are IPVS, and what FTP needs behind nat', () => {
    const ftp = { entries: [entryAt('10.1.1.254', 21)] as const };
    expect(names([])).toEqual([]);
    expect(names([virtualServer({ ...ftp, realServers: [realServerAt('10.1.1.2')] })])).toEqual([
      'ip_vs',
      'ip_vs_wlc',
    ]);
    const nat = virtualServer({ ...ftp, realServers: NAT });
    expect(names([nat])).toEqual(['ip_vs', 'ip_vs_wlc', 'ip_vs_ftp']);
  });

  it.each([
    ['every port', { entries: [entryAt('10.1.1.254', 0)] as const }, true],
    ['another port', { entries: [entryAt('10.1.1.254', 22)] as const }, false],
    ['a mark of ports with that of FTP', mark('tcp', [{ from: 20, to: 21 }]), true],
    ['a mark of every port', mark('tcp', []), true],
    ['a mark of other ports', mark('tcp', [{ from: 22, to: 80 }]), false],
    ['a mark of UDP', mark('udp', []), false],
  ])('of FTP for %s', (_, what, expected) => {
    const service = virtualServer({ ...what, realServers: NAT });
    expect(names([service]).includes('ip_vs_ftp')).toBe(expected);
    expect(withoutPassiveFtp({ virtualServers: [service] })).toBe(expected ? service : undefined);
  });

  it('of FTP do in passive mode what they should where one service has port 21, or fullnat', () => {
    const every = virtualServer({ entries: [entryAt('10.1.1.254', 0)], realServers: NAT });
    const others = [
      virtualServer({ entries: [entryAt('10.1.1.9', 21)], realServers: NAT }),
      virtualServer({ realServers: [realServerAt('10.1.1.2', { forwarding: 'fullnat' })] }),
    ];
    for (const other of others) expect(withoutPassiveFtp({ virtualServers: [every, other] })).toBeUndefined();
    const direct = virtualServer({
      entries: [entryAt('10.1.1.9', 21)],
      realServers: [realServerAt('10.1.1.3')],
    });
    expect(withoutPassiveFtp({ virtualServers: [every, direct] })).toBe(every);
  });
});
