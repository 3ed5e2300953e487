/** ipvsadm and ours, side by side on one kernel: what is compared. */
import assert from 'node:assert/strict';
import { openIpvs } from '../../src/kernel/ipvs.ts';
import { ours, RealIpvsadm } from './ipvsadm-programs.ts';
import { EVERYTHING, LINES } from './ipvsadm-table.ts';
import { makeConnections, TRAFFIC_RULES } from './ipvsadm-traffic.ts';

export interface IpvsadmCase {
  readonly name: string;
  /** Throws AssertionError. */
  readonly run: () => Promise<void>;
}

const program = new RealIpvsadm();
const real = program.run;

const words = (line: string): readonly string[] => line.split(' ').filter((word) => word !== '');
const ipvs = openIpvs();

/** Everything that the kernel holds, but for counters. */
const state = () => ({ table: ipvs.dump(), timeouts: ipvs.timeouts(), daemons: ipvs.listDaemons() });

async function fill(rules: readonly string[]): Promise<void> {
  ipvs.flush();
  const { code, err } = await real(['-R'], `${rules.join('\n')}\n`);
  assert.equal(err, '');
  assert.equal(code, 0);
}

/** How often a listing that changes by itself is made again before the two differ. */
const ATTEMPTS = 40;

/** Seconds tick and rates fade while both print: what ours says lies between two listings of the other. */
async function sameOutput(line: string): Promise<string> {
  let seen: readonly string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await real(words(line));
    const own = await ours(words(line));
    assert.equal(own.code, before.code, `${line}: ${own.err}`);
    if (own.out === before.out) return own.out;
    const after = await real(words(line));
    if (own.out === after.out) return own.out;
    seen = [own.out, after.out];
  }
  assert.equal(seen[0], seen[1], line);
  return '';
}

const COLUMNS = ['', '--stats', '--rate', '--thresholds', '--persistent-conn', '--tun-info'];
const WAYS = ['', '-n', '-n --exact', '-n --nosort', '-n --sort'];
const LISTINGS: readonly string[] = [
  ...COLUMNS.flatMap((columns) => WAYS.map((way) => `-L ${way} ${columns}`)),
  ...COLUMNS.slice(1).flatMap((first, i) => COLUMNS.slice(i + 2).map((second) => `-L -n ${second} ${first}`)),
  '',
  '-l -n',
  '-Ln',
  '-L -n -t 10.1.1.254:80',
  '-L -n -t 10.1.1.254:80 --stats --exact',
  '-L -n -t [fd00::fe]:443 --rate',
  '-L -t 10.1.1.254:80 --tun-info',
  '-L -n -f 7',
  '-L -n -f 7 -6 --thresholds',
  '-L -u 10.1.1.254:5060',
  '-L --timeout',
  '-L --daemon',
  '-S',
  '-S -n',
  '--save --numeric',
];

const DAEMONS: readonly string[] = [
  '--start-daemon master --mcast-interface eth0 --syncid 7',
  '--start-daemon backup --mcast-interface eth0 --sync-maxlen 1200 --mcast-group ff02::81 --mcast-port 9000 --mcast-ttl 3',
];

/** But for a third flag of `sh`, which ipvsadm saves as an option without a value. */
const SAVED = EVERYTHING.filter((rule) => !rule.includes('-s sh -b flag-3'));
/** But for IPv6 real servers with names, which ipvsadm prints and does not read. */
const NAMELESS = SAVED.filter((rule) => !rule.includes('[fd00::2]'));

/** Ends what the cases have started. */
export function close(): void {
  program.close();
  ipvs.close();
}

export const IPVSADM_CASES: readonly IpvsadmCase[] = [
  {
    name: "the version begins as ipvsadm's own, which scripts take apart",
    run: async () => {
      const [theirs, own] = [await real(['--version']), await ours(['--version'])];
      assert.match(theirs.out, /^ipvsadm v1\.31 /);
      assert.match(own.out, /^ipvsadm v1\.31 \(vipward test, kernel with IPVS v\d/);
    },
  },
  {
    name: 'every listing of a table that uses everything is the same, byte for byte',
    run: async () => {
      await fill([...EVERYTHING, '--set 123 45 67']);
      for (const line of LISTINGS) await sameOutput(line);
      assert.match(await sameOutput('-L -n'), /10\.1\.1\.2:80 +Route +2 /);
      assert.match(await sameOutput('-L'), /www\.example\.com:http wrr/);
      assert.match(await sameOutput('-L --timeout'), /: 123 45 67$/m);
    },
  },
  {
    name: 'sync daemons, started and stopped by either, are listed the same',
    run: async () => {
      ipvs.flush();
      for (const [start, stop] of [
        [real, ours],
        [ours, real],
      ] as const) {
        for (const line of DAEMONS) assert.deepEqual(await start(words(line)), { code: 0, out: '', err: '' });
        const listed = await sameOutput('-L --daemon');
        assert.match(listed, /^master sync daemon \(mcast=eth0, syncid=7, /m);
        assert.match(listed, /^backup .*=eth0, syncid=0, maxlen=1200, group=ff02::81, port=9000, ttl=3\)$/m);
        for (const role of ['master', 'backup'])
          assert.deepEqual(await stop(words(`--stop-daemon ${role}`)), { code: 0, out: '', err: '' });
        assert.equal(await sameOutput('-L --daemon'), '');
      }
    },
  },
  {
    name: 'connections, with names and persistence engines, and counters of traffic, are the same',
    run: async () => {
      await fill(TRAFFIC_RULES);
      const connections = await makeConnections();
      try {
        for (const line of ['-L -c', '-Lnc', '-L -c -n --persistent-conn', '-L -c --persistent-conn'])
          assert.match(await sameOutput(line), /ESTABLISHED/);
        assert.match(await sameOutput('-Lnc --persistent-conn'), / sip +a84b4c76e66710@10\.1\.1\.1/);
        assert.match(await sameOutput('-Lnc'), /\[fd00::fe\]:8080/);
        // The kernel sums up its counters every two seconds: the listings agree before and after.
        for (const line of ['-L -n --stats', '-L -n --stats --exact', '-L -n --rate', '-L -n'])
          await sameOutput(line);
        assert.equal((await ours(['-Z', '-t', '10.1.1.254:8080'])).code, 0);
        await sameOutput('-L -n --stats');
      } finally {
        connections.close();
      }
    },
  },
  {
    name: 'what one saves the other restores',
    run: async () => {
      for (const [line, rules] of [
        ['-S -n', SAVED],
        ['-S', NAMELESS],
      ] as const)
        for (const [save, restore] of [
          [real, ours],
          [ours, real],
          [ours, ours],
        ] as const) {
          await fill(rules);
          const table = ipvs.dump();
          const { out } = await save(words(line));
          ipvs.flush();
          assert.deepEqual(await restore(['-R'], out), { code: 0, out: '', err: '' });
          const again = await real(words(line));
          // Where its comparison turns over, the order is that of the kernel's list.
          assert.deepEqual(again.out.split('\n').sort(), out.split('\n').sort());
          assert.deepEqual(unordered(ipvs.dump()), unordered(table));
        }
    },
  },
  {
    name: 'a line that is refused while restoring is named, with the reason, and the rest goes on',
    run: async () => {
      ipvs.flush();
      const input = [
        '# a comment, and a line of ipvsadm-save',
        'ipvsadm -A -t 10.1.1.254:80 -s rr',
        '',
        '-a -t 10.1.1.254:80 -r 224.0.0.1:80 -g # no host',
        '-a -t 10.1.1.254:80 -r 10.1.1.2:80 -g',
      ].join('\n');
      const { code, err } = await ours(['--restore'], input);
      assert.equal(code, 255);
      assert.match(
        err,
        /^ipvsadm: line 4: add real server 224\.0\.0\.1:80 .*224\.0\.0\.1 is no address of a host\n$/,
      );
      assert.deepEqual(
        ipvs.dump().map(({ realServers }) => realServers.length),
        [1],
      );
    },
  },
  {
    name: 'every command line does the same and ends with the same code, and an error has a reason',
    run: async () => {
      const differences: string[] = [];
      for (const line of LINES) differences.push(...(await compareLine(line)));
      assert.deepEqual(differences, []);
    },
  },
  {
    name: 'a weight up to 2147483647 is taken, as ipvsadm’s manual has it',
    run: async () => {
      await fill(['-A -t 10.1.1.254:80 -s wrr']);
      const line = '-a -t 10.1.1.254:80 -r 10.1.1.2:80 -w 2147483647';
      assert.equal((await ours(words(line))).code, 0);
      assert.match(await sameOutput('-L -n'), /Route +2147483647 /);
    },
  },
];

/** As `sameOutput`: only what stays different is a difference. */
async function compareLine(line: string): Promise<readonly string[]> {
  let found: readonly string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    found = await compareLineOnce(line);
    if (found.length === 0) break;
  }
  return found;
}

async function compareLineOnce(line: string): Promise<readonly string[]> {
  const after = [];
  for (const each of [real, ours]) {
    ipvs.flush();
    ipvs.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });
    await ours(['-R'], '-A -t 10.1.1.254:80 -s wrr\n-a -t 10.1.1.254:80 -r 10.1.1.2:80 -g\n');
    const { code, out, err } = await each(words(line));
    after.push({ code, state: state(), out: code === 0 ? out : '', err });
  }
  const [theirs, own] = after;
  const found: string[] = [];
  if (own?.code !== theirs?.code)
    found.push(
      `${line}: ends with ${own?.code} (${own?.err.trim()}), ipvsadm with ${theirs?.code} (${theirs?.err.trim()})`,
    );
  if (JSON.stringify(own?.state) !== JSON.stringify(theirs?.state))
    found.push(`${line}: leaves ${JSON.stringify(own?.state)}, ipvsadm ${JSON.stringify(theirs?.state)}`);
  if (own?.out !== theirs?.out) found.push(`${line}: prints ${own?.out}, ipvsadm ${theirs?.out}`);
  if (own?.code !== 0 && !/^ipvsadm: .{10}/.test(own?.err ?? '')) found.push(`${line}: gives no reason`);
  return found;
}

/** Without an order, and without thresholds, which ipvsadm does not save. */
const unordered = (table: ReturnType<typeof ipvs.dump>): readonly string[] =>
  table
    .flatMap(({ key, settings, realServers }) => [
      JSON.stringify([key, settings]),
      ...realServers.map((server) =>
        JSON.stringify([key, { ...server, upperThreshold: 0, lowerThreshold: 0 }]),
      ),
    ])
    .sort();
