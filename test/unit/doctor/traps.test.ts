import { describe, expect, it } from 'vitest';
import { limited } from '../../../src/doctor/limited.ts';
import { strictFilterFindings, trackingFindings, unforwardedFindings } from '../../../src/doctor/traps.ts';
import type { IpAddress } from '../../../src/model/address.ts';

const reads = (values: Readonly<Record<string, string>>) => (path: readonly string[]) =>
  values[path.join('/')];
const severities = (findings: readonly { readonly severity: string }[]) =>
  findings.map(({ severity }) => severity);

describe('settings that break the service', () => {
  it.each([
    ['10', '100', []],
    ['75', '100', ['warning']],
    ['100', '100', ['problem']],
    [undefined, undefined, []],
  ] as const)('connection tracking with %s of %s', (count, most, expected) => {
    const values = { 'net/netfilter/nf_conntrack_count': count, 'net/netfilter/nf_conntrack_max': most };
    expect(severities(trackingFindings(reads(values as Record<string, string>)))).toEqual(expected);
  });

  it('are strict reverse-path filters, by the greater of both, where there are several links', () => {
    const read = reads({
      'net/ipv4/conf/all/rp_filter': '1',
      'net/ipv4/conf/eth0.7/rp_filter': '0',
      'net/ipv4/conf/eth1/rp_filter': '2',
    });
    expect(strictFilterFindings(['eth0.7', 'eth1'], read).map(({ mend }) => mend)).toEqual([
      'sysctl -w net.ipv4.conf.eth0/7.rp_filter=2',
    ]);
    expect(strictFilterFindings(['eth0.7'], read)).toEqual([]);
  });
});

describe('a link that does not forward, though the host does', () => {
  const ip = (text: string) => text as IpAddress;
  const links = [
    { name: 'eth0', prefix: { address: ip('10.1.1.4'), length: 24 } },
    { name: 'eth1.5', prefix: { address: ip('10.2.2.1'), length: 24 } },
  ];
  const found = (forwards: string, ...servers: readonly string[]) => {
    const values = { 'net/ipv4/conf/eth0/forwarding': '1', 'net/ipv4/conf/eth1.5/forwarding': '0' };
    return unforwardedFindings(links, servers.map(ip), reads({ ...values, 'net/ipv4/ip_forward': forwards }));
  };

  it('is told where real servers behind nat answer by it, and not where forwarding is off at all', () => {
    expect(found('1', '10.2.2.2', '10.2.2.3')).toMatchObject([
      {
        severity: 'problem',
        what: 'net.ipv4.conf.eth1/5.forwarding is 0',
        mend: 'sysctl -w net.ipv4.conf.eth1/5.forwarding=1',
      },
    ]);
    for (const none of [found('1', '10.1.1.2'), found('1'), found('0', '10.2.2.2')]) expect(none).toEqual([]);
  });
});

it('many are asked, but few at once', async () => {
  let under = 0;
  let most = 0;
  const results = await limited(
    Array.from({ length: 10 }, (_, i) => i),
    3,
    async (i) => {
      most = Math.max(most, ++under);
      await Promise.resolve();
      under--;
      return i * 2;
    },
  );
  expect([results, most]).toEqual([[0, 2, 4, 6, 8, 10, 12, 14, 16, 18], 3]);
});
