/**
 * Runs inside a kernel with IPVS: the contract, a comparison with what ipvsadm sees and sets, and ten thousand real
 * servers. Prints one line of JSON for each case: its name, and the error or undefined.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type Ipvs, openIpvs } from '../../src/kernel/ipvs.ts';
import type { IpAddress } from '../../src/model/address.ts';
import { type ActualTable, realServerKey, tableKeyText } from '../../src/model/ipvs-table.ts';
import { type ContractCase, IPVS_CONTRACT, PLAIN, real, tcp } from '../support/ipvs-contract.ts';

const ipvsadm = (...args: string[]): string => execFileSync('ipvsadm', args, { encoding: 'utf8' });

/** What `ipvsadm -Sn` prints of a table; it shows `local` as dr, and no thresholds. */
function saved(table: ActualTable): string[] {
  const method = { dr: '-g', nat: '-m', tun: '-i --tun-type ipip', local: '-g', bypass: '(null)' } as const;
  return table.flatMap(({ key, settings, realServers }) => {
    const name = nameOf(tableKeyText(key));
    const persistent = settings.flags & 1 ? ` -p ${settings.timeout}` : '';
    const netmask = settings.granularity === 24 ? ' -M 255.255.255.0' : '';
    const flags = settings.flags & 16 ? ' -b mh-port' : '';
    return [
      `-A ${name} -s ${settings.scheduler}${persistent}${netmask}${flags}`,
      ...realServers.map((server) => {
        const [forwarding, ...rest] = method[server.forwarding].split(' ');
        const tunnel = rest.length > 0 ? ` ${rest.join(' ')}` : '';
        return `-a ${name} -r ${realServerKey(server)} ${forwarding} -w ${server.weight}${tunnel}`;
      }),
    ];
  });
}

const nameOf = (key: string): string => {
  const [kind = '', where = '', family] = key.split(' ');
  if (kind === 'fwmark') return `-f ${where}${family === 'ipv6' ? ' -6' : ''}`;
  return kind === 'sctp' ? `--sctp-service ${where}` : `-${kind.slice(0, 1)} ${where}`;
};

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

const COMMANDS = [
  '-A -t 10.1.1.254:80 -s wrr -p 300 -M 255.255.255.0',
  '-a -t 10.1.1.254:80 -r 10.1.1.2:80 -g -w 2',
  '-a -t 10.1.1.254:80 -r 10.1.1.3:8080 -m -w 0',
  '-a -t 10.1.1.254:80 -r 10.1.1.4:80 -i -w 65535 --tun-type ipip',
  '-A -u 10.1.1.254:53 -s rr',
  '-A --sctp-service 10.1.1.254:99 -s lc',
  '-A -t [fd00::fe]:443 -s mh -b mh-port',
  '-a -t [fd00::fe]:443 -r [fd00::2]:443 -g -w 1',
  '-A -f 7 -s sh',
  '-A -f 7 -6 -s dh',
  '-a -f 7 -6 -r [fd00::3]:0 -g -w 5',
];

const ours: readonly ContractCase[] = [
  {
    name: 'what ipvsadm set, dumped: in its own words the same',
    run: (ipvs) => {
      for (const command of COMMANDS) ipvsadm(...command.split(' '));
      const seen = saved(ipvs.dump()).sort();
      assert.deepEqual(
        seen,
        lines(ipvsadm('-Sn'))
          .map((line) => line.trim())
          .sort(),
      );
      assert.deepEqual(seen, [...COMMANDS].sort());
    },
  },
  {
    name: 'a table dumped, cleared and applied again is the same to ipvsadm',
    run: (ipvs) => {
      for (const command of COMMANDS) ipvsadm(...command.split(' '));
      ipvsadm(...'-e -t 10.1.1.254:80 -r 10.1.1.2:80 -g -w 2 -x 9 -y 4'.split(' '));
      const thresholds = lines(ipvsadm('-Ln', '--thresholds')).sort();
      assert.match(thresholds.join('\n'), /10\.1\.1\.2:80 +9 +4 /);
      const before = lines(ipvsadm('-Sn')).sort();
      const table = ipvs.dump();
      ipvsadm('-C');
      const outcomes = ipvs.apply(
        table.flatMap(({ key, settings, realServers }) => [
          { op: 'add-virtual-server' as const, key, settings },
          ...realServers.map((realServer) => ({ op: 'add-real-server' as const, key, realServer })),
        ]),
      );
      assert.deepEqual(
        outcomes.filter(({ error }) => error !== undefined),
        [],
      );
      assert.deepEqual(lines(ipvsadm('-Sn')).sort(), before);
      assert.deepEqual(lines(ipvsadm('-Ln', '--thresholds')).sort(), thresholds);
    },
  },
  { name: 'ten thousand real servers', run: tenThousand },
  { name: 'a thousand virtual servers with ten real servers each', run: thousandByTen },
];

function tenThousand(ipvs: Ipvs): void {
  const key = tcp('10.1.1.254', 80);
  const servers = Array.from({ length: 10_000 }, (_, i) =>
    real(`10.2.${i >> 8}.${i & 255}`, 80, { weight: i }),
  );
  const start = performance.now();
  const outcomes = ipvs.apply([
    { op: 'add-virtual-server', key, settings: { ...PLAIN, scheduler: 'rr' } },
    ...servers.map((realServer) => ({ op: 'add-real-server' as const, key, realServer })),
  ]);
  const added = performance.now();
  const [dumped] = ipvs.dump();
  const end = performance.now();
  assert.equal(outcomes.filter(({ error }) => error !== undefined).length, 0);
  assert.deepEqual(
    new Map(dumped?.realServers.map((server): [IpAddress, number] => [server.address, server.weight])),
    new Map(servers.map((server): [IpAddress, number] => [server.address, server.weight])),
  );
  console.error(`10,000 real servers: added in ${ms(added - start)}, dumped in ${ms(end - added)}`);
}

function thousandByTen(ipvs: Ipvs): void {
  const table = Array.from({ length: 1_000 }, (_, i) => ({
    key: tcp(`10.9.${i >> 8}.${i & 255}`, 80),
    servers: Array.from({ length: 10 }, (_, n) => real(`10.2.${i & 255}.${1 + n + 10 * (i >> 8)}`)),
  }));
  const start = performance.now();
  const outcomes = ipvs.apply(
    table.flatMap(({ key, servers }) => [
      { op: 'add-virtual-server' as const, key, settings: PLAIN },
      ...servers.map((realServer) => ({ op: 'add-real-server' as const, key, realServer })),
    ]),
  );
  const added = performance.now();
  assert.equal(outcomes.filter(({ error }) => error !== undefined).length, 0);
  const times = Array.from({ length: 10 }, () => {
    const begun = performance.now();
    const dumped = ipvs.dump();
    assert.equal(dumped.length, 1_000);
    assert.ok(dumped.every(({ realServers }) => realServers.length === 10));
    return performance.now() - begun;
  });
  console.error(
    `1,000 virtual servers x 10: added in ${ms(added - start)}, dumped in ${ms(times[0] ?? 0)}, at best in ${ms(Math.min(...times))}`,
  );
}

const ms = (time: number): string => `${time.toFixed(0)} ms`;

const ipvs = openIpvs();
for (const { name, run } of [...IPVS_CONTRACT, ...ours]) {
  ipvsadm('-C');
  let error: string | undefined;
  try {
    run(ipvs);
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  console.log(JSON.stringify({ name, error }));
}
ipvs.close();
