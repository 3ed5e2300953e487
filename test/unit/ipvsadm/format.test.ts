import { describe, expect, it } from 'vitest';
import { formatConnections } from '../../../src/ipvsadm/connections.ts';
import { addressAndPort, addressText } from '../../../src/ipvsadm/format-address.ts';
import { formatNumber } from '../../../src/ipvsadm/format-number.ts';
import { formatRules } from '../../../src/ipvsadm/format-rules.ts';
import { formatTable } from '../../../src/ipvsadm/format-table.ts';
import { knownNames, NUMERIC } from '../../../src/ipvsadm/names.ts';
import { leadingNumber, readIpv4 } from '../../../src/ipvsadm/numbers.ts';
import { mergeSorted } from '../../../src/ipvsadm/order.ts';
import { wordsOf } from '../../../src/ipvsadm/restore.ts';
import { readServices } from '../../../src/ipvsadm/system-names.ts';
import { readConnections } from '../../../src/kernel/ipvs-connections.ts';
import type { CountedVirtualServer } from '../../../src/model/ipvs-table.ts';
import { ip, NAMES } from './support.ts';

const traffic = (number: number) => ({
  connections: number,
  incomingPackets: number,
  outgoingPackets: number,
  incomingBytes: number,
  outgoingBytes: number,
});
const STATISTICS = { total: traffic(123_456_789), perSecond: traffic(5) };
const TABLE: readonly CountedVirtualServer[] = [
  {
    key: { kind: 'address', protocol: 'tcp', address: ip('10.1.1.254'), port: 80 },
    settings: { scheduler: 'sh', flags: 1 | 16, timeout: 300, granularity: 24, engine: '' },
    statistics: STATISTICS,
    realServers: [
      {
        address: ip('10.1.1.2'),
        port: 80,
        forwarding: 'tun',
        tunnel: { kind: 'gue', port: 6080, checksum: 'remote' },
        weight: 3,
        upperThreshold: 9,
        lowerThreshold: 4,
        connections: { active: 1, inactive: 2, persistent: 3 },
        statistics: STATISTICS,
      },
    ],
  },
];
const FORMAT = { columns: 'connections', numeric: true, exact: false, sorted: true } as const;

// As ipvsadm 1.31 printed it.
describe('the table', () => {
  it('with connections and with tunnels', () => {
    expect(formatTable(TABLE, FORMAT, NUMERIC)).toBe(
      `Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.1.1.254:80 sh (sh-port) persistent 300 mask 255.255.255.0
  -> 10.1.1.2:80                  Tunnel  3      1          2         
`,
    );
    expect(formatTable(TABLE, { ...FORMAT, columns: 'tunnels' }, NUMERIC)).toContain(
      '  -> 10.1.1.2:80                  Tunnel  gue:6080:r+c  3      1          2         \n',
    );
  });

  it('with counters, shortened and in full', () => {
    const stats = formatTable(TABLE, { ...FORMAT, columns: 'stats' }, NUMERIC);
    expect(stats.split('\n')[2]).toBe(
      'TCP  10.1.1.254:80                 123456K  123456K  123456K  123456K  123456K',
    );
    const exact = formatTable(TABLE, { ...FORMAT, columns: 'stats', exact: true }, NUMERIC);
    expect(exact).toContain('  -> 10.1.1.2:80                  123456789 123456789 123456789');
  });

  it('with names, as far as they are known', async () => {
    const names = await knownNames(NAMES, [ip('10.1.1.254'), ip('10.1.1.2')]);
    expect(formatTable(TABLE, FORMAT, names)).toMatch(/^TCP {2}www:http sh .*\n {2}-> 10\.1\.1\.2:http /m);
  });

  it('as the lines that make it', () =>
    expect(formatRules(TABLE, NUMERIC)).toBe(
      `-A -t 10.1.1.254:80 -s sh -p 300 -M 255.255.255.0 -b sh-port
-a -t 10.1.1.254:80 -r 10.1.1.2:80 -i -w 3 --tun-type gue --tun-port 6080 --tun-remcsum
`,
    ));
});

describe('numbers', () => {
  // printf and the thresholds of ipvsadm's print_largenum.
  it.each([
    [0, '        0'],
    [99_999_999, ' 99999999'],
    [100_000_000, '  100000K'],
    [999_999_999, '  999999K'],
    [1_000_000_000, '    1000M'],
    [99_999_999_999, '   99999M'],
    [100_000_000_000, '     100G'],
    [99_999_999_999_999, '   99999G'],
    [100_000_000_000_000, '     100T'],
  ])('%d', (number, text) => expect(formatNumber(number, false)).toBe(text));

  it('in full, with a blank before', () => {
    expect(formatNumber(5, true)).toBe('        5');
    expect(formatNumber(123_456_789_012, true)).toBe(' 123456789012');
  });

  it.each([
    ['10.1.1.254', '10.1.1.254'],
    ['10.257', '10.0.1.1'],
    ['0x0a.1', '10.0.0.1'],
    ['012.1.1.1', '10.1.1.1'],
    ['4294967295', '255.255.255.255'],
    ['10.1.1.1 rest', '10.1.1.1'],
    ['10.1.1.256', undefined],
    ['08.1', undefined],
    ['1.2.3.4.5', undefined],
    ['4294967296', undefined],
    ['', undefined],
    ['a', undefined],
  ])('inet_aton of %s', (text, address) => expect(readIpv4(text)).toBe(address));

  it('atoi', () => expect(['64', '64x', ' 7', 'x', ''].map(leadingNumber)).toEqual([64, 64, 7, 0, 0]));
});

describe('addresses', () => {
  it.each([
    ['fd00::1', 'fd00::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['::1:2', '::0.1.0.2'],
    ['::ffff:102:304', '::ffff:1.2.3.4'],
    ['::fffe:102:304', '::fffe:102:304'],
    ['1::102:304', '1::102:304'],
  ])('inet_ntop of %s', (address, text) => expect(addressText(ip(address))).toBe(text));

  it('are cut where ipvsadm has no more room', () => {
    const names = { host: () => 'x'.repeat(80), service: () => undefined };
    expect(addressAndPort(ip('10.1.1.1'), 80, 'tcp', names)).toHaveLength(59);
  });
});

describe('the order', () => {
  it('is that of a merge, which shows where the comparison is none', () => {
    // Each beats the next, and the last the first.
    const beats = (a: string, b: string): number => ('abca'.includes(a + b) ? -1 : 1);
    expect(mergeSorted(['c', 'b', 'a'], beats)).toEqual(['c', 'a', 'b']);
    expect(mergeSorted([3, 1, 2], (a, b) => a - b)).toEqual([1, 2, 3]);
  });
});

describe('connections', () => {
  // As Linux 6.1 wrote them.
  const FILE = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A010101 E4B2 0A0101FE 1F90 0A010101 2328 ESTABLISHED     899
UDP 0A010101 D3F8 0A0101FE 13C6 0A010101 2329 UDP             300 sip a84b4c76e66710@10.1.1.1
TCP fd00:0000:0000:0000:0000:0000:0000:0001 8A4C fd00:0000:0000:0000:0000:0000:0000:00fe 1F90 fd00:0000:0000:0000:0000:0000:0000:0001 2328 ESTABLISHED       5
what is no connection
`;

  it('are printed with the time that is left', () =>
    expect(formatConnections(readConnections(FILE), false, NUMERIC)).toBe(
      `IPVS connection entries
pro expire state       source             virtual            destination
TCP 14:59  ESTABLISHED 10.1.1.1:58546     10.1.1.254:8080    10.1.1.1:9000
UDP 05:00  UDP         10.1.1.1:54264     10.1.1.254:5062    10.1.1.1:9001
TCP 00:05  ESTABLISHED [fd00::1]:35404    [fd00::fe]:8080    [fd00::1]:9000
`,
    ));

  it('and what persistence engines tell them apart by', () =>
    expect(formatConnections(readConnections(FILE), true, NUMERIC)).toContain(
      'UDP 05:00  UDP         10.1.1.1:54264     10.1.1.254:5062    10.1.1.1:9001    sip                a84b4c76e66710@10.1.1.1\n',
    ));
});

describe('files', () => {
  it('/etc/services', () =>
    expect(readServices('# names\nhttp\t80/tcp www # web\n\ndomain 53/udp\nbad line\n')).toEqual([
      { port: 80, protocol: 'tcp', names: ['http', 'www'] },
      { port: 53, protocol: 'udp', names: ['domain'] },
    ]));

  it('what is restored', () => {
    expect(wordsOf('ipvsadm -A -t a:80 # web')).toEqual(['-A', '-t', 'a:80']);
    expect(wordsOf('  # all of it')).toEqual([]);
    expect(wordsOf('')).toEqual([]);
  });
});
