import { describe, expect, it } from 'vitest';
import { parseIptables } from '../../../src/doctor/filter/iptables.ts';
import { UNKNOWN_WAYS, type Ways } from '../../../src/doctor/filter/passage.ts';
import { directorPassages, passageFindings, realServerPassages } from '../../../src/doctor/filter/traffic.ts';
import { waysOf } from '../../../src/doctor/ways.ts';
import type { IpAddress, MacAddress } from '../../../src/model/address.ts';
import { virtualRouter } from '../../support/virtual-router.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

const routers = [virtualRouter({ addresses: [{ address: '10.1.1.254' as IpAddress, length: 24 }] })];
const findings = (
  forwarding: 'nat' | 'fullnat' | 'dr' | 'tun',
  rules: readonly string[],
  sysctl: Readonly<Record<string, string>> = {},
  ways: Ways = UNKNOWN_WAYS,
) => {
  const chains = ['INPUT', 'FORWARD', 'OUTPUT'].map((name) => `:${name} ACCEPT [0:0]`);
  const saved = ['*filter', ...chains, ...rules, 'COMMIT', ''].join('\n');
  const virtualServers = [virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding })] })];
  const passages = directorPassages({ virtualServers, virtualRouters: routers, ipvs: { sysctl } }, ways);
  return passageFindings(parseIptables(saved, 'iptables'), passages);
};
const INVALID = '-A FORWARD -m conntrack --ctstate INVALID -j DROP';

describe('what must get through a director', () => {
  it('are replies behind nat that connection tracking does not know, unless it is told to', () => {
    const [found, ...others] = findings('nat', [INVALID]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ severity: 'problem', breaks: 'clients never get an answer' });
    expect(found?.what).toContain('net.ipv4.vs.conntrack');
    expect(found?.mend).toContain('iptables -I FORWARD -s 10.2.0.2 -p tcp --sport 80 -j ACCEPT');
    for (const through of [
      findings('nat', [INVALID], { conntrack: '1' }),
      findings('fullnat', [INVALID]),
      findings('dr', [INVALID]),
      findings('nat', []),
    ])
      expect(through.map(({ severity }) => severity)).toEqual(['good']);
  });

  it('are clients, by whichever link, and what lets them through names none', () => {
    const [found] = findings('dr', ['-A INPUT -i eth0 -p tcp -j REJECT --reject-with tcp-reset']);
    expect(found?.what).toMatch(
      /^clients of web \(tcp 10\.1\.1\.254 port 80\): dropped by iptables filter INPUT/,
    );
    expect(found?.mend).toMatch(/^iptables -I INPUT -d 10\.1\.1\.254 -p tcp --dport 80 -j ACCEPT; /);
  });

  it('are adverts of the others', () => {
    const [found] = findings('dr', ['-A INPUT -p tcp -j ACCEPT', '-A INPUT -j DROP']);
    expect(found).toMatchObject({
      severity: 'problem',
      what: expect.stringContaining('adverts of other directors on eth0'),
    });
    expect(found?.mend).toMatch(/^iptables -I INPUT -i eth0 -p 112 -j ACCEPT; /);
    // They go to their group, not to the virtual address.
    expect(findings('dr', ['-A INPUT -d 10.1.1.254 -p udp -j DROP'])).toMatchObject([{ severity: 'good' }]);
    expect(findings('dr', ['-A INPUT -d 10.1.1.254 -j DROP']).map(({ what }) => what.split(' (')[0])).toEqual(
      ['clients of web'],
    );
  });

  it('are the own adverts', () => {
    const [found, ...others] = findings('dr', ['-A OUTPUT -o eth+ -p 112 -j REJECT']);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      severity: 'problem',
      breaks: expect.stringContaining('two become active'),
    });
    expect(found?.what).toMatch(/^this director's own adverts on eth0: dropped by iptables filter OUTPUT/);
    expect(found?.mend).toMatch(/^iptables -I OUTPUT -o eth0 -p 112 -j ACCEPT; /);
    // By another link.
    expect(findings('dr', ['-A OUTPUT -o eth1 -p 112 -j REJECT'])).toMatchObject([{ severity: 'good' }]);
  });

  it('are the own adverts by the link with the virtual Ethernet address', () => {
    const vmac = routers.map((router) => ({ ...router, vmac: { device: 'vrrp.51' } }));
    const found = (link: string) => {
      const rules = ['*filter', ':OUTPUT DROP [0:0]', `-A OUTPUT -o ${link} -j ACCEPT`, 'COMMIT', ''].join(
        '\n',
      );
      const passages = directorPassages(
        { virtualServers: [], virtualRouters: vmac, ipvs: { sysctl: {} } },
        UNKNOWN_WAYS,
      );
      return passageFindings(parseIptables(rules, 'iptables'), passages);
    };
    expect(found('vrrp.51')).toMatchObject([{ severity: 'good' }]);
    expect(found('eth0')).toMatchObject([
      { severity: 'problem', what: expect.stringContaining('own adverts on vrrp.51') },
    ]);
  });

  // IPVS sends by OUTPUT, and connection tracking does not know what it sends unless it is told to.
  const CLOSED = [':OUTPUT DROP [0:0]', '-A OUTPUT -o lo -j ACCEPT', '-A OUTPUT -p 112 -j ACCEPT'];
  it.each([
    ['dr', '-d 10.1.1.254 -p tcp --dport 80'],
    ['nat', '-d 10.2.0.2 -p tcp --dport 80'],
    ['tun', '-d 10.2.0.2 -p 4'],
  ] as const)('is what goes on to the real servers by %s', (forwarding, packet) => {
    const [found, ...others] = findings(forwarding, CLOSED);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ severity: 'problem', breaks: 'clients of this service hang' });
    expect(found?.mend).toContain(`iptables -I OUTPUT ${packet} -j ACCEPT; `);
    expect(findings(forwarding, [...CLOSED, `-A OUTPUT ${packet} -j ACCEPT`])).toMatchObject([
      { severity: 'good' },
    ]);
    const known = [...CLOSED, '-A OUTPUT -m state --state NEW,ESTABLISHED -j ACCEPT'];
    expect(findings(forwarding, known, { conntrack: '1' })).toMatchObject([{ severity: 'good' }]);
    const untracked = forwarding === 'tun' ? 'good' : 'problem';
    expect(findings(forwarding, known)).toMatchObject([{ severity: untracked }]);
  });
});

describe('what must get through a real server', () => {
  const role = { vips: ['10.1.1.254' as IpAddress], forwarding: 'dr', outer: 'as the VIP' } as const;
  const found = (...rules: readonly string[]) =>
    passageFindings(
      parseIptables(
        [
          '*filter',
          ':INPUT ACCEPT [0:0]',
          ':OUTPUT ACCEPT [0:0]',
          ...rules,
          '*raw',
          ':PREROUTING ACCEPT [0:0]',
          ...rules,
          '',
        ].join('\n'),
        'iptables',
      ),
      realServerPassages(role, UNKNOWN_WAYS),
    );

  it.each([
    ['-A INPUT -d 10.1.1.0/24 -j DROP', 'iptables -I INPUT -d 10.1.1.254 -p tcp -j ACCEPT'],
    ['-A PREROUTING -d 10.1.1.0/24 -j DROP', 'iptables -t raw -I PREROUTING -d 10.1.1.254 -p tcp -j ACCEPT'],
    ['-A OUTPUT -s 10.1.1.0/24 -j DROP', 'iptables -I OUTPUT -s 10.1.1.254 -p tcp -j ACCEPT'],
  ])('is dropped by %s', (rule, mend) => {
    expect(found()).toMatchObject([{ severity: 'good' }]);
    expect(found(rule)).toMatchObject([{ severity: 'problem', mend: expect.stringContaining(mend) }]);
  });

  it('are answers, as those of connections that exist', () => {
    expect(found('-A OUTPUT -m conntrack --ctstate NEW -j DROP')).toMatchObject([{ severity: 'good' }]);
  });
});

describe('rules that name a link', () => {
  const ip = (text: string) => text as IpAddress;
  const mac = '02:00:00:00:00:01' as MacAddress;
  const route = (link: string) => ({ link, router: undefined, source: undefined, mtu: undefined });
  const names = ['lo', 'eth0', 'eth1', 'vrrp.51'];
  /** eth0 is on the side of the clients, eth1 on that of the real servers; `far`: by which most of the world is reached. */
  const ways = (far: string | undefined, used: readonly string[] = names) =>
    waysOf(
      new Map([[ip('10.2.0.2'), route('eth1')]]),
      new Map(
        ['10.2.0.2', '10.1.1.254'].map((from) => [ip(from), far === undefined ? undefined : route(far)]),
      ),
      {
        links: names.map((name, index) => ({
          index,
          name,
          mac: name === 'lo' ? undefined : mac,
          up: true,
          running: true,
          mtu: 1500,
          loopback: name === 'lo',
        })),
        addresses: [
          { index: 1, prefix: { address: ip('10.1.1.1'), length: 24 } },
          { index: 2, prefix: { address: ip('10.2.0.1'), length: 24 } },
          { index: 3, prefix: { address: ip('10.1.1.254'), length: 24 } },
        ].filter(({ index }) => used.includes(names[index] ?? '')),
      },
      new Set(['vrrp.51']),
    );
  const OUT = ['-A OUTPUT -p 112 -j ACCEPT'];
  const verdicts = (forwarding: 'nat' | 'dr' | 'tun', rules: readonly string[], far?: string) =>
    findings(forwarding, rules, {}, ways(far)).map(({ severity, what }) => [severity, what.split(':')[0]]);

  it.each(['nat', 'dr', 'tun'] as const)('on the way to real servers by %s', (forwarding) => {
    const by = (link: string) => [':OUTPUT DROP [0:0]', ...OUT, `-A OUTPUT -o ${link} -j ACCEPT`];
    expect(verdicts(forwarding, by('eth1'))).toMatchObject([['good', expect.anything()]]);
    expect(verdicts(forwarding, by('eth0'))).toMatchObject([
      ['problem', expect.stringContaining(`by ${forwarding} to`)],
    ]);
    expect(findings(forwarding, by('eth1'))).toMatchObject([{ severity: 'warning' }]);
  });

  it('on the way back to clients, who are beside the virtual address or far away', () => {
    const by = (link: string) => [':FORWARD DROP [0:0]', `-A FORWARD -i eth1 -o ${link} -j ACCEPT`];
    const replies = expect.stringContaining('replies of real server 10.2.0.2');
    expect(verdicts('nat', by('eth0'), 'eth0')).toMatchObject([['good', expect.anything()]]);
    expect(verdicts('nat', by('eth0'))).toMatchObject([['good', expect.anything()]]);
    expect(verdicts('nat', by('eth1'), 'eth0')).toEqual([['problem', replies]]);
    // Some clients get answers, some do not.
    expect(verdicts('nat', by('eth0'), 'eth1')).toEqual([['warning', replies]]);
    expect(verdicts('nat', [':FORWARD DROP [0:0]', '-A FORWARD -i eth0 -j ACCEPT'], 'eth0')).toEqual([
      ['problem', replies],
    ]);
    const [found] = findings('nat', by('eth1'), {}, ways('eth0'));
    expect(found?.mend).toContain('iptables -I FORWARD -s 10.2.0.2 -p tcp --sport 80 -j ACCEPT');
  });

  it('of a real server, which may have one link, or a tunnel', () => {
    const passed = (forwarding: 'dr' | 'tun', rules: readonly string[], known: Ways) => {
      const role = { vips: [ip('10.1.1.254')], forwarding, outer: 'as the VIP' } as const;
      const saved = ['*filter', ':INPUT DROP [0:0]', ':OUTPUT DROP [0:0]', ...rules, ''].join('\n');
      return passageFindings(parseIptables(saved, 'iptables'), realServerPassages(role, known)).map(
        ({ severity }) => severity,
      );
    };
    const rules = ['-A INPUT -i eth0 -j ACCEPT', '-A OUTPUT -o eth0 -j ACCEPT'];
    expect(passed('dr', rules, ways(undefined, ['eth0']))).toEqual(['good']);
    expect(passed('dr', rules, ways(undefined, ['eth1']))).toEqual(['problem', 'problem']);
    expect(passed('dr', rules, ways('eth0'))).toEqual(['warning']);
    expect(passed('tun', rules, ways(undefined, ['eth0']))).toEqual(['problem']);
    const tunnel = ['-A INPUT -i tunl0 -j ACCEPT', ...rules];
    expect(passed('tun', tunnel, ways(undefined, ['eth0']))).toEqual(['good']);
  });
});
