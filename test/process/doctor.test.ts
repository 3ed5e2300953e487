/** The doctor on a director whose network is wrong in every way that it should find. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { Lab } from '../lab/support/lab.ts';
import type { NamespaceNode } from '../lab/support/network.ts';
import { CHECKOUT } from '../lab/support/node.ts';

const VIP = '10.1.1.254';
/** Behind nat; its default route leads to a router that is not the director. */
const STRAY = '10.2.0.2';
const RIGHT = '10.2.0.3';
const SERVE = 'exec socat TCP-LISTEN:80,fork,reuseaddr /dev/null';
const FILE = `
virtual_routers:
  web: { interface: eth0, vrid: 51, addresses: [${VIP}/24] }
services:
  web:
    { address: ${VIP}, port: 80, forwarding: nat, check: { tcp: {} }, real_servers: [{ address: ${STRAY} }, { address: ${RIGHT} }] }
`;

let lab: Lab;
let director: NamespaceNode;
let thief: NamespaceNode;
let router: NamespaceNode;
let stray: NamespaceNode;
let right: NamespaceNode;

async function examine(more = ''): Promise<{
  readonly code: number | undefined;
  readonly findings: readonly Finding[];
}> {
  const { code, stdout, stderr } = await director.exec(
    `src/vipward doctor --config ${director.scratch}/doctor.yaml --state-dir /nowhere --json ${more}`,
  );
  if (stdout === '') throw new Error(stderr);
  return { code, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
}
const about = (findings: readonly Finding[], what: RegExp) =>
  findings.filter((finding) => what.test(finding.what)).map(({ severity }) => severity);

beforeAll(async () => {
  lab = await Lab.create();
  const front = await lab.addSwitch('front');
  const back = await lab.addSwitch('back');
  director = await lab.addHost('director', {
    ports: [
      { on: front, addresses: ['10.1.1.1/24', `${VIP}/24`] },
      { on: back, addresses: ['10.2.0.1/24'] },
      { on: front },
    ],
  });
  await director.run('ip link set eth2 down');
  thief = await lab.addHost('thief', { ports: [{ on: front, addresses: ['10.1.1.66/24'] }] });
  router = await lab.addHost('router', {
    ports: [
      { on: front, addresses: ['10.1.1.3/24'] },
      { on: back, addresses: ['10.2.0.9/24'] },
    ],
  });
  await router.run('sysctl -qw net.ipv4.ip_forward=1');
  stray = await lab.addHost('stray', { ports: [{ on: back, addresses: [`${STRAY}/24`] }] });
  await stray.run('ip route add default via 10.2.0.9');
  await stray.spawn(SERVE);
  right = await lab.addHost('right', { ports: [{ on: back, addresses: [`${RIGHT}/24`] }] });
  await right.run('ip route add default via 10.2.0.1');
  await right.spawn(SERVE);
  await Promise.all(
    [stray, right].map((node) => node.run(`until ss -Hltn 'sport = :80' | grep -q .; do sleep 0.05; done`)),
  );
  await director.run('sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0');
  await director.writeFile(`${director.scratch}/doctor.yaml`, FILE);
});
afterAll(() => lab?.close());

describe('the doctor', () => {
  it('finds that a source address floats for nothing', async () => {
    const far = `{ address: ${VIP}, port: 81, forwarding: fullnat, source_address: ${VIP}, real_servers: [{ address: ${RIGHT} }] }`;
    await director.writeFile(
      `${director.scratch}/far.yaml`,
      `${FILE.slice(0, FILE.indexOf('services:'))}services: { far: ${far} }`,
    );
    const { findings } = await examine(`--config ${director.scratch}/far.yaml`);
    expect(about(findings, /source_address of service far floats, but there is no ipvs.sync/)).toEqual([
      'warning',
    ]);
  });

  it('finds a real server whose gateway is another, and a setting that is missing', async () => {
    const { code, findings } = await examine();
    expect(code).toBe(1);
    expect(
      about(findings, new RegExp(`real server ${STRAY.replaceAll('.', '\\.')} answers by way of another`)),
    ).toEqual(['problem']);
    expect(
      about(findings, new RegExp(`real server ${RIGHT.replaceAll('.', '\\.')} answers by way of this`)),
    ).toEqual(['good']);
    const forward = findings.find(({ what }) => what === 'net.ipv4.ip_forward is 0');
    expect(forward).toMatchObject({ severity: 'problem', mend: 'sysctl -w net.ipv4.ip_forward=1' });
    expect(about(findings, /^this kernel has no IPVS$/)).toEqual(['problem']);
    expect(about(findings, /each virtual address is answered for by one host/)).toEqual(['good']);
    expect(about(findings, /packet filters let/)).toEqual(['good']);
  });

  it('finds a real server by direct routing that is behind a router', async () => {
    await director.run(
      'ip route add 10.9.0.0/24 via 10.1.1.3; ip addr add 2001:db8:1::1/64 dev eth0 nodad; ' +
        'ip route add 2001:db8:9::/64 via 2001:db8:1::3',
    );
    const far = FILE.replace('forwarding: nat', 'forwarding: dr').replace(STRAY, '10.9.0.2');
    const six =
      '  six: { address: "2001:db8:1::fe", port: 80, forwarding: dr, real_servers: [{ address: "2001:db8:1::2" }, { address: "2001:db8:9::2" }] }\n';
    await director.writeFile(`${director.scratch}/doctor.yaml`, `${far}${six}`);
    const { findings } = await examine();
    await director.writeFile(`${director.scratch}/doctor.yaml`, FILE);
    await director.run('ip addr del 2001:db8:1::1/64 dev eth0');
    expect(findings.filter(({ what }) => /dr reaches hosts on a link only/.test(what))).toMatchObject([
      {
        severity: 'problem',
        what: expect.stringMatching(/^web: 10\.9\.0\.2 is behind the router 10\.1\.1\.3,/),
      },
      {
        severity: 'problem',
        what: expect.stringMatching(/^six: 2001:db8:9::2 is behind the router 2001:db8:1::3,/),
      },
    ]);
    expect(about((await examine()).findings, /on a link|on links/)).toEqual([]);
  });

  it('looks for the way to thousands of real servers at once', async () => {
    const hosts = Array.from({ length: 4000 }, (_, i) => `{ address: 10.1.${16 + (i >> 8)}.${i & 255} }`);
    const many = FILE.slice(0, FILE.indexOf('{ address'));
    await director.writeFile(
      `${director.scratch}/many.yaml`,
      `${many}{ address: ${VIP}, port: 80, forwarding: dr, check: { tcp: {} }, real_servers: [${hosts.join()}, { address: 10.7.0.9 }] }`,
    );
    await director.run('ip route add 10.1.16.0/20 dev eth0; ip route add 10.7.0.0/24 via 10.1.1.3');
    const { findings } = await examine(`--config ${director.scratch}/many.yaml`);
    expect(about(findings, /not asked/)).toEqual([]);
    // So many neighbours must fit the kernel's table, which is the whole machine's; not every kernel shows it here.
    const { stdout: most } = await director.exec('cat /proc/sys/net/ipv4/neigh/default/gc_thresh3');
    const fits = Number(most) > 4001 ? [] : [most === '' ? 'unknown' : 'problem'];
    expect(about(findings, /^4001 real servers are neighbours/)).toEqual(fits);
    expect(findings.filter(({ what }) => what.includes('behind the router'))).toMatchObject([
      { what: expect.stringContaining('web: 10.7.0.9 is behind the router 10.1.1.3') },
    ]);
    await director.run('ip route del 10.1.16.0/20; ip route del 10.7.0.0/24');
  });

  it('tells a real server whose answers are lost from one that is down; and finds nothing once it is mended', async () => {
    const way = (findings: readonly Finding[], address: string) =>
      findings.filter(({ what }) => what.includes(`real server ${address}`));
    await router.run('ip link set eth1 down');
    await stray.run('ip route replace default via 10.2.0.77');
    const { findings } = await examine();
    expect(way(findings, STRAY)).toMatchObject([
      {
        severity: 'problem',
        what: expect.stringMatching(/do not come back here \(asked by a connection to its port\)$/),
      },
    ]);
    await stray.run(
      /ip route replace default via \S+(?=;)/.exec(way(findings, STRAY)[0]?.mend ?? '')?.[0] ?? '',
    );
    await right.run('ip link set eth0 down');
    const mended = await examine();
    expect(way(mended.findings, STRAY)).toMatchObject([
      {
        severity: 'good',
        what: expect.stringMatching(/this director \(seen by a connection to its port\)$/),
      },
    ]);
    expect(way(mended.findings, RIGHT)).toMatchObject([
      { severity: 'unknown', breaks: expect.stringContaining('neither ping nor port 80') },
    ]);
    await right.run('ip link set eth0 up && ip route replace default via 10.2.0.1');
  });

  it('does what mends a setting, and it is gone, even where no daemon runs to compare', async () => {
    await director.run('sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0.rp_filter=1');
    await director.writeFile(
      `${director.scratch}/dr.yaml`,
      FILE.replace('forwarding: nat', 'forwarding: dr'),
    );
    const strict = await examine(`--config ${director.scratch}/dr.yaml`);
    const [filter] = strict.findings.filter(({ what }) => what === 'net.ipv4.conf.eth0.rp_filter is 1');
    expect(filter).toMatchObject({ severity: 'problem', mend: 'sysctl -w net.ipv4.conf.eth0.rp_filter=2' });
    await director.run(filter?.mend ?? '');
    const loose = await examine(`--config ${director.scratch}/dr.yaml`);
    expect(about(loose.findings, /rp_filter/)).toEqual([]);
    const { findings } = await examine('--peer-status /nowhere --runtime-dir /nowhere');
    expect(about(findings, /^the other director$/)).toEqual(['unknown']);
    expect(about(findings, /ip_forward/)).toEqual([]);
  });

  it('finds a second owner of a virtual address, by its Ethernet address', async () => {
    await thief.run(`ip addr add ${VIP}/32 dev eth0`);
    const mac = (await thief.run('cat /sys/class/net/eth0/address')).trim();
    const { findings } = await examine();
    const [owner] = findings.filter(({ what }) => what.startsWith(VIP));
    expect(owner).toMatchObject({ severity: 'problem', what: expect.stringContaining(mac) });
    await thief.run(`ip addr del ${VIP}/32 dev eth0`);
  });

  it('tells a second link of this host in the same network from another host', async () => {
    await director.run('ip link set eth2 up');
    await director.run('sysctl -qw net.ipv4.conf.all.arp_ignore=0');
    const { findings } = await examine();
    const [own] = findings.filter(({ what }) => what.startsWith(VIP));
    expect(own).toMatchObject({
      severity: 'warning',
      what: expect.stringContaining('answered for by eth2 of this host too'),
    });
    await director.run(own?.mend.split(';')[0] ?? '');
    expect(about((await examine()).findings, /each virtual address is answered/)).toEqual(['good']);
    await director.run('ip link set eth2 down; sysctl -qw net.ipv4.conf.all.arp_ignore=0');
  });

  it('finds rules that swallow adverts and clients, and names them', async () => {
    await director.run(
      `nft 'table inet strict { chain in { type filter hook input priority 0; policy drop; tcp dport 22 accept; ip daddr ${VIP} tcp dport 80 drop; }; }'`,
    );
    const { findings } = await examine();
    const dropped = findings.filter(({ what }) => what.includes('dropped by'));
    expect(
      dropped.map(({ severity, what }) => [severity, what.replace(/^(.*): (perhaps )?dropped.*$/, '$1')]),
    ).toEqual([
      ['problem', 'adverts of other directors on eth0'],
      ['problem', `clients of web (tcp ${VIP} port 80)`],
    ]);
    expect(dropped[0]?.what).toContain('the policy of nftables chain inet strict in');
    for (const { mend } of dropped) await director.run(mend.split('; and')[0] ?? '');
    expect(about((await examine()).findings, /dropped by|packet filters let/)).toEqual(['good']);
    await director.run('nft delete table inet strict');
    await director.run(`iptables -A INPUT -d ${VIP} -j DROP; iptables -A FORWARD -s ${RIGHT} -j REJECT`);
    const old = (await examine()).findings.filter(({ what }) => what.includes('dropped by'));
    expect(old.map(({ what }) => what.split(': ')[0])).toEqual([
      `clients of web (tcp ${VIP} port 80)`,
      `replies of real server ${RIGHT} of web (connection tracking does not know them`,
    ]);
    for (const { mend } of old) await director.run(mend.split('; and')[0] ?? '');
    expect(about((await examine()).findings, /dropped by|packet filters let/)).toEqual(['good']);
    await director.run('nft flush ruleset');
  });

  it('decides rules that name the link a packet leaves by, as the routes tell it', async () => {
    const table = (way: string, back: string) =>
      `nft 'table inet links { chain f { type filter hook forward priority 0; policy drop; iifname eth1 oifname ${back} accept; }; chain o { type filter hook output priority 0; policy drop; meta l4proto 112 accept; oifname ${way} accept; }; }'`;
    await director.run(table('eth1', 'eth0'));
    expect(about((await examine()).findings, /dropped by|packet filters let/)).toEqual(['good']);
    await director.run(`nft delete table inet links; ${table('eth0', 'eth1')}`);
    const { findings } = await examine();
    expect(about(findings, /^(what goes by nat|replies of).*: dropped by/)).toEqual(
      Array.from({ length: 4 }, () => 'problem'),
    );
    await director.run('nft delete table inet links');
  });

  it('reads from the kernel what a card does by itself, as large receive offload', async () => {
    const read = `import { readOffloads } from '${CHECKOUT}/src/sys/offloads.ts';
      for (const link of ['eth0', 'lo']) console.log(link, ...readOffloads(link));
      try { readOffloads('none'); } catch (error) { console.log(error.code); }`;
    // A cable between namespaces puts in tags of VLANs, a loopback does not; no link here joins packets.
    expect(await director.run([process.execPath, '--input-type=module', '--eval', read])).toBe(
      'eth0 txvlan\nlo\nENODEV\n',
    );
  });

  it('finds rules that swallow ARP, and none once they are mended', async () => {
    await director.run(
      `nft 'table arp strict { chain in { type filter hook input priority 0; arp operation request arp daddr ip { 10.1.1.7, ${VIP} } drop; }; }'`,
    );
    const { findings } = await examine();
    const [dropped, ...more] = findings.filter(({ what }) => what.startsWith('ARP '));
    expect(dropped).toMatchObject({
      severity: 'problem',
      what: expect.stringContaining(`ARP requests for ${VIP}: dropped by nftables chain arp strict in`),
    });
    expect(more).toEqual([]);
    await director.run(dropped?.mend.split(';')[0] ?? '');
    const mended = await examine();
    expect(about(mended.findings, /filters of ARP/)).toEqual(['good']);
    await director.run('nft delete table arp strict');
  });

  it('on a real server, tells rules of arptables in place of arp_ignore from those that hide the host itself', async () => {
    const state = `--state-dir ${thief.scratch}`;
    const wrong = async () => {
      const { stdout } = await thief.exec(`src/vipward doctor --realserver --json ${state}`);
      const { findings } = JSON.parse(stdout) as { findings: Finding[] };
      return findings.filter(({ severity, what }) => /ARP|arp/.test(what) && severity !== 'good');
    };
    await thief.run(`src/vipward realserver start --vip 10.1.1.200 --forwarding dr ${state}`);
    await thief.run('sysctl -qw net.ipv4.conf.all.arp_ignore=0');
    expect(await wrong()).toMatchObject([{ severity: 'problem', what: 'net.ipv4.conf.all.arp_ignore is 0' }]);
    await thief.run('arptables -A INPUT -d 10.1.1.200 -j DROP');
    const [instead] = await wrong();
    expect(instead).toMatchObject({
      severity: 'warning',
      what: expect.stringContaining('rules hide the VIP instead'),
    });
    await thief.run(instead?.mend ?? '');
    await thief.run('arptables -P OUTPUT DROP');
    const [swallowed] = await wrong();
    expect(swallowed).toMatchObject({
      severity: 'problem',
      what: expect.stringMatching(/^ARP replies of 10\.1\.1\.66/),
    });
    await thief.run(swallowed?.mend.split(';')[0] ?? '');
    expect(await wrong()).toEqual([]);
    await thief.run(`nft delete table arp filter; src/vipward realserver stop --vip 10.1.1.200 ${state}`);
  });

  it('judges a real server that was prepared by hand, and what it says mends it', async () => {
    const none = await thief.exec('src/vipward doctor --state-dir /nowhere --realserver');
    expect([none.stdout, none.stderr]).toEqual(['', expect.stringContaining('doctor --vip ADDRESS')]);
    const look = async (more: string) => {
      const doctor = `src/vipward doctor --json --state-dir /nowhere ${more}`;
      const { findings } = JSON.parse((await thief.exec(doctor)).stdout) as { findings: Finding[] };
      return findings.filter(({ what }) => /arp_|hidden here|10\.1\.1\.2\d\d/.test(what));
    };
    await thief.run(
      'ip addr add 10.1.1.200/24 dev lo; sysctl -qw net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.lo.arp_announce=2; ' +
        'sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=1 net.ipv4.conf.eth0.arp_ignore=2',
    );
    const wrong = await look('--realserver');
    expect(wrong.map(({ severity, what }) => [severity, what])).toEqual([
      ['problem', '10.1.1.200/24 is on lo with its whole network'],
      ['problem', 'net.ipv4.conf.all.arp_announce is 0'],
    ]);
    for (const { mend } of wrong) await thief.run(mend.split('; and')[0] ?? '');
    const good = [
      { severity: 'good', what: expect.stringContaining('10.1.1.200 (prepared by hand, for dr)') },
    ];
    expect(await look('--realserver')).toMatchObject(good);
    expect(await look('--vip 10.1.1.200')).toMatchObject(good);
    const other = await look('--vip 10.1.1.201 --forwarding tun');
    expect(other).toMatchObject([
      { severity: 'problem', mend: 'vipward realserver start --vip 10.1.1.201 --forwarding tun' },
    ]);
    await thief.run(
      'ip addr del 10.1.1.200/32 dev lo; sysctl -qw net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.eth0.arp_ignore=0',
    );
  });

  it('takes what else is on lo of a real server that vipward has prepared for a VIP only when it is asked', async () => {
    const state = `--state-dir ${thief.scratch}`;
    await thief.run(
      `src/vipward realserver start --vip 10.1.1.200 --forwarding dr ${state}; ip addr add 192.0.2.9/32 dev lo`,
    );
    const hidden = async (more: string) => {
      const { stdout } = await thief.exec(`src/vipward doctor --json ${state} ${more}`);
      const { findings } = JSON.parse(stdout) as { findings: Finding[] };
      return findings.flatMap(({ what }) => (what.startsWith('hidden here') ? [what] : []));
    };
    expect(await hidden('')).toEqual(['hidden here, and up: 10.1.1.200']);
    expect(await hidden('--realserver')).toEqual([expect.stringContaining('192.0.2.9 (prepared by hand')]);
    await thief.run(`ip addr del 192.0.2.9/32 dev lo; src/vipward realserver stop --vip 10.1.1.200 ${state}`);
  });

  it('finds a way that is too narrow for a tunnel, even where clients come in by it, and what widens it', async () => {
    await director.writeFile(
      `${director.scratch}/doctor.yaml`,
      FILE.replace('forwarding: nat', 'forwarding: tun')
        .replaceAll(STRAY, '10.1.1.77')
        .replace(RIGHT, '10.1.1.78'),
    );
    const narrow = await examine();
    const found = narrow.findings.filter(({ what }) => what.includes('the tunnel to'));
    expect(found.map(({ what }) => what)).toEqual([
      'web: the tunnel to 10.1.1.77 adds 20 bytes, and eth0 takes 1500',
      'web: the tunnel to 10.1.1.78 adds 20 bytes, and eth0 takes 1500',
    ]);
    await director.run(found[0]?.mend.split(',')[0] ?? '');
    const { findings } = await examine();
    expect(about(findings, /what the tunnels add fits the way/)).toEqual(['good']);
    await director.writeFile(`${director.scratch}/doctor.yaml`, FILE);
  });

  it('says that the file has errors, and looks at the host as a real server all the same', async () => {
    const state = `--state-dir ${thief.scratch}`;
    await thief.run(`src/vipward realserver start --vip 10.1.1.200 --forwarding dr ${state}`);
    await thief.writeFile(`${thief.scratch}/wrong.yaml`, 'services: { web: { forwarding: never } }');
    const { stdout } = await thief.exec(
      `src/vipward doctor --json --config ${thief.scratch}/wrong.yaml ${state}`,
    );
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(about(findings, /hidden here, and up: 10\.1\.1\.200/)).toEqual(['good']);
    expect(findings.filter(({ severity }) => severity === 'problem')).toMatchObject([
      {
        what: expect.stringMatching(/wrong\.yaml has \d+ errors$/),
        mend: expect.stringMatching(/^vipward check /),
      },
    ]);
    const both = await thief.exec(`src/vipward doctor --realserver --peer lvs2 ${state}`);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('cannot be used with')]);
    await thief.run(`src/vipward realserver stop --vip 10.1.1.200 ${state}`);
  });

  it('tells once what a host is good at as director and as real server, which holds the VIP in both ways', async () => {
    const state = `--state-dir ${director.scratch}`;
    await director.run(`src/vipward realserver start --vip ${VIP} --forwarding dr ${state}`);
    const { findings } = await examine(state);
    const good = findings.filter(({ severity }) => severity === 'good').map(({ what }) => what);
    expect(good).toEqual([...new Set(good)]);
    expect(good).toEqual(
      expect.arrayContaining([
        `hidden here, and up: ${VIP}`,
        'packet filters let adverts, clients and replies through',
        'forwarding, reverse-path filters and the other kernel settings are as the services need them',
      ]),
    );
    expect(about(findings, /this host answers for it/)).toEqual([]);
    await director.run('iptables -P FORWARD DROP; sysctl -qw net.ipv4.conf.all.arp_ignore=0');
    const wrong = await examine(state);
    expect(about(wrong.findings, /arp_ignore is 0/)).toEqual(['problem']);
    expect(about(wrong.findings, /packet filters let|kernel settings are/)).toEqual([]);
    await director.run(
      `iptables -P FORWARD ACCEPT; src/vipward realserver stop --vip ${VIP} ${state}; nft flush ruleset`,
    );
  });

  it('says what it may not look at, as in a container without CAP_NET_RAW, and looks at the rest', async () => {
    const doctor = `src/vipward doctor --json --config ${director.scratch}/doctor.yaml --state-dir /nowhere`;
    const { stdout } = await director.exec(`timeout 60 setpriv --bounding-set -net_raw ${doctor}`);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    const refused = findings.filter(
      ({ severity, breaks }) => severity === 'unknown' && breaks.includes('EPERM'),
    );
    expect(refused.map(({ what }) => what)).toEqual([
      'who answers for the virtual addresses',
      'by which way the real servers behind nat answer',
    ]);
    expect(refused[0]?.mend).toContain('--cap-add NET_RAW');
    expect(about(findings, /packet filters let/)).toEqual(['good']);
  });
});
