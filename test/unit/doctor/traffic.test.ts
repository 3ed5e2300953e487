import { describe, expect, it } from 'vitest';
import { parseIptables } from '../../../src/doctor/filter/iptables.ts';
import { directorPassages, passageFindings } from '../../../src/doctor/filter/traffic.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { virtualRouter } from '../../support/virtual-router.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

const routers = [virtualRouter({ addresses: [{ address: '10.1.1.254' as IpAddress, length: 24 }] })];
const findings = (
  forwarding: 'nat' | 'fullnat' | 'dr',
  rules: readonly string[],
  sysctl: Readonly<Record<string, string>> = {},
) => {
  const saved = ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ...rules, 'COMMIT', ''].join(
    '\n',
  );
  const virtualServers = [virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding })] })];
  const passages = directorPassages({ virtualServers, virtualRouters: routers, ipvs: { sysctl } });
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
});
