/** The virtual Ethernet address, and packets that are refused, as a client on the same switch sees them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import type { Seen } from './support/observer.ts';
import { startRealServer } from './support/tools.ts';

const MAC4 = '00:00:5e:00:01:33';
const MAC6 = '00:00:5e:00:02:33';
let lab: Lab;
let router: NamespaceNode;
let other: NamespaceNode;
let client: NamespaceNode;
let parentMac: string;

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  router = await lab.addHost('router', { ports: [{ on: lan, addresses: ['10.1.1.1/24'] }] });
  other = await lab.addHost('other', { ports: [{ on: lan, addresses: ['10.1.1.2/24'] }] });
  client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  await router.run('ip addr add fd00::1/64 dev eth0 nodad');
  await client.run('ip addr add fd00::100/64 dev eth0 nodad');
  parentMac = (await router.run('cat /sys/class/net/eth0/address')).trim();
  for (const node of [router, client]) await startRealServer(node, { body: node.name, address: '::' });
});
afterEach(async () => {
  for (const node of [router, other]) {
    for (const { name } of (await drive(node, 'list')) as { name: string }[])
      await drive(node, 'remove', name);
    await node.run('nft flush ruleset');
  }
});
afterAll(() => lab?.close());

const drive = async (node: NamespaceNode, ...args: string[]): Promise<unknown> =>
  JSON.parse(await node.run(['node', 'test/lab/kernel-network-vmac.ts', ...args]));
const make = (node: NamespaceNode, name: string, mac: string, state: 'up' | 'down', ...addresses: string[]) =>
  drive(node, 'make', name, mac, state, ...addresses);
const sysctl = async (link: string, name: string): Promise<number> =>
  Number(await router.run(`cat /proc/sys/net/ipv4/conf/${link}/${name}`));
const url = (address: string): string => `http://${address.includes(':') ? `[${address}]` : address}/`;
const fetchFrom = (address: string): Promise<string> => client.run(`curl -gsS --max-time 60 ${url(address)}`);
/** The curl code for "timed out": nobody refused it, and nobody answered. */
const isSilent = async (address: string): Promise<boolean> =>
  (await client.exec(`curl -gsS --max-time 1 ${url(address)}`)).code === 28;
const neighbour = async (address: string): Promise<string> =>
  /lladdr (\S+)/.exec(await client.run(`ip neigh show ${address} dev eth0`))?.[1] ?? '';
const forget = async (): Promise<void> => {
  for (const node of [router, client]) await node.run('ip neigh flush dev eth0');
};

/** Plays `action`, and gives the Ethernet addresses that the client was told by ARP, as `address is at mac`. */
async function heardByClient(action: () => Promise<void>): Promise<Set<string>> {
  const observer = await client.spawn(['node', 'test/lab/support/observer.ts', 'eth0']);
  await observer.stdout.waitFor((line) => line.includes('ready'));
  await action();
  // Once this has been heard, so has everything before it.
  await other.run('ip neigh flush dev eth0');
  await other.exec('curl -s --max-time 60 http://10.1.1.100/');
  await observer.stdout.waitFor((line) => line.includes('"sender":"10.1.1.2"'));
  await observer.stop();
  const seen = observer.stdout.all.map((line) => JSON.parse(line) as Seen);
  return new Set(
    seen.flatMap((each) =>
      each.kind === 'arp' && each.sender.startsWith('10.1.1.') && !/\.(2|100)$/.test(each.sender)
        ? [`${each.sender} is at ${each.senderMac}`]
        : [],
    ),
  );
}

describe('VIPs on a macvlan', () => {
  it('are told with the virtual Ethernet address and no other; the parent speaks for itself', async () => {
    await make(router, 'vrrp4', MAC4, 'up', '10.1.1.254/24', '10.1.1.253/32');
    await make(router, 'vrrp6', MAC6, 'up', 'fd00::fe/64', 'fd00::fd/128');
    await forget();
    const heard = await heardByClient(async () => {
      for (const address of ['10.1.1.254', '10.1.1.253', '10.1.1.1', 'fd00::fe', 'fd00::fd', 'fd00::1'])
        expect(await fetchFrom(address), address).toBe('router\n');
    });
    expect(heard).toEqual(
      new Set([`10.1.1.254 is at ${MAC4}`, `10.1.1.253 is at ${MAC4}`, `10.1.1.1 is at ${parentMac}`]),
    );
    expect(await neighbour('fd00::fe')).toBe(MAC6);
    expect(await neighbour('fd00::fd')).toBe(MAC6);
    expect(await neighbour('fd00::1')).toBe(parentMac);
  });

  it('are not given another Ethernet address by what the router itself sends from them', async () => {
    await make(router, 'vrrp4', MAC4, 'up', '10.1.1.254/24');
    await fetchFrom('10.1.1.254');
    await router.run('ip neigh flush all');
    const heard = await heardByClient(async () => {
      expect(await router.run(`curl -sS --max-time 60 --interface 10.1.1.254 http://10.1.1.100/`)).toBe(
        'client\n',
      );
    });
    for (const each of heard)
      expect([`10.1.1.254 is at ${MAC4}`, `10.1.1.1 is at ${parentMac}`]).toContain(each);
    expect(await neighbour('10.1.1.254')).toBe(MAC4);
  });

  it('are silent while it is down, and the parent does not stand in', async () => {
    await make(router, 'vrrp4', MAC4, 'down', '10.1.1.254/24');
    await forget();
    expect((await client.exec(`curl -sS --max-time 1 ${url('10.1.1.254')}`)).code).not.toBe(0);
    expect(await neighbour('10.1.1.254')).toBe('');
    await drive(router, 'up', 'vrrp4');
    await client.run('ip neigh flush all');
    expect(await fetchFrom('10.1.1.254')).toBe('router\n');
  });

  it('and the parent’s own address stay apart when the route of their network has moved to the macvlan', async () => {
    await make(router, 'vrrp4', MAC4, 'up', '10.1.1.254/24');
    await router.run('ip addr del 10.1.1.1/24 dev eth0; ip addr add 10.1.1.1/24 dev eth0');
    expect(await router.run('ip route get 10.1.1.100')).toMatch(/dev vrrp4/);
    await forget();
    const heard = await heardByClient(async () => {
      for (const address of ['10.1.1.1', '10.1.1.254'])
        expect(await fetchFrom(address), address).toBe('router\n');
    });
    expect(heard).toEqual(new Set([`10.1.1.254 is at ${MAC4}`, `10.1.1.1 is at ${parentMac}`]));
  });

  it('what another director sends from the same Ethernet address comes to the macvlan, or while it is down to the parent', async () => {
    await make(router, 'vrrp4', MAC4, 'up', '10.1.1.254/24');
    await make(other, 'vrrp4', MAC4, 'up', '10.1.1.253/24');
    const listen = (device: string, address: string) =>
      router.spawn(
        `socat -u UDP4-RECV:5000,reuseaddr,so-bindtodevice=${device},ip-add-membership=224.0.0.18:${address} STDOUT`,
      );
    const onParent = await listen('eth0', '10.1.1.1');
    const onMacvlan = await listen('vrrp4', '10.1.1.254');
    await router.run(
      `for i in $(seq 200); do if [ $(ss -Huln 'sport = 5000' | wc -l) = 2 ]; then exit 0; fi; sleep 0.05; done; exit 1`,
    );
    const send = (word: string) =>
      other.run(
        `echo ${word} | socat -u STDIN UDP4-DATAGRAM:224.0.0.18:5000,bind=10.1.1.253,ip-multicast-if=10.1.1.253`,
      );
    await send('up');
    await onMacvlan.stdout.waitFor((line) => line === 'up');
    await drive(router, 'down', 'vrrp4');
    await send('down');
    await onParent.stdout.waitFor((line) => line === 'down');
    expect(onParent.stdout.all).toEqual(['down']);
    for (const each of [onParent, onMacvlan]) await each.stop();
  });
});

describe('a macvlan', () => {
  it('takes no address of its own, is private, and does not speak out of turn', async () => {
    await make(router, 'vrrp4', MAC4, 'up');
    expect(await router.run('ip addr show dev vrrp4')).not.toMatch(/inet/);
    expect(await router.run('ip -d link show dev vrrp4')).toMatch(/macvlan mode private/);
    for (const [name, value] of [
      ['arp_ignore', 1],
      ['arp_announce', 2],
      ['accept_local', 0],
    ] as const)
      expect(await sysctl('vrrp4', name), name).toBe(value);
    expect(await router.run('cat /proc/sys/net/ipv6/conf/vrrp4/accept_ra')).toBe('0\n');
  });

  it('works without write access to /proc/sys, with a warning that says what it lacks', async () => {
    const readOnly = 'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys';
    const making = `node test/lab/kernel-network-vmac.ts make vrrp4 ${MAC4} up 10.1.1.254/24`;
    const made = JSON.parse(await router.run(['unshare', '-m', 'sh', '-ec', `${readOnly}; exec ${making}`]));
    expect(made.warnings).toEqual([
      expect.stringMatching(/^cannot set \/proc\/sys\/net\/ipv6\/conf\/vrrp4\/accept_ra to 0 \(EROFS/),
    ]);
    await forget();
    expect(await fetchFrom('10.1.1.254')).toBe('router\n');
    expect(await neighbour('10.1.1.254')).toBe(MAC4);
  });

  it('has a reverse path filter that lets through what is answered over the parent', async () => {
    const all = '/proc/sys/net/ipv4/conf/all/rp_filter';
    await router.run(`echo 1 >${all}`);
    await make(router, 'vrrp4', MAC4, 'up', '10.1.1.254/24');
    expect(await sysctl('vrrp4', 'rp_filter')).toBe(2);
    // The switch has learned the virtual Ethernet address at the other director's port, and learns anew by the answer.
    await forget();
    expect(await fetchFrom('10.1.1.254')).toBe('router\n');
    await router.run(`echo 0 >${all}`);
    await make(router, 'vrrp4', MAC4, 'up');
    expect(await sysctl('vrrp4', 'rp_filter')).toBe(0);
  });

  it('the last of a parent puts its settings back, whichever process removes it', async () => {
    await router.run('echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_announce');
    await make(router, 'vrrp4', MAC4, 'up');
    await make(router, 'vrrp6', MAC6, 'down');
    expect([await sysctl('eth0', 'arp_ignore'), await sysctl('eth0', 'arp_announce')]).toEqual([1, 2]);
    await drive(router, 'remove', 'vrrp4');
    expect([await sysctl('eth0', 'arp_ignore'), await sysctl('eth0', 'arp_announce')]).toEqual([1, 2]);
    await drive(router, 'remove', 'vrrp6');
    expect([await sysctl('eth0', 'arp_ignore'), await sysctl('eth0', 'arp_announce')]).toEqual([0, 1]);
    await router.run('echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_announce');
  });

  it('is adopted where it fits, made anew where it is ours and does not, and another link is left alone', async () => {
    const first = (await make(router, 'vrrp4', MAC4, 'up', '10.1.1.254/24')) as { index: number };
    expect(await make(router, 'vrrp4', MAC4, 'up')).toMatchObject({ index: first.index, warnings: [] });
    expect(await router.run('ip addr show dev vrrp4')).toMatch(/10\.1\.1\.254/);
    const changed = (await make(router, 'vrrp4', MAC6, 'up')) as { index: number };
    expect(changed.index).not.toBe(first.index);
    await drive(router, 'remove', 'vrrp4');
    await router.run(`ip link add vrrp4 link eth0 address ${MAC4} type macvlan mode private`);
    expect(await make(router, 'vrrp4', MAC6, 'up')).toEqual({
      error: expect.stringMatching(/make macvlan vrrp4 .*EEXIST.*another link has that name/),
    });
    expect(await make(router, 'vrrp4', MAC4, 'down')).toMatchObject({ up: false });
    expect(await drive(router, 'list')).toMatchObject([{ name: 'vrrp4', mac: MAC4, up: false }]);
  });

  it('that is removed and wanted again at once is a new one', async () => {
    await make(router, 'vrrp4', MAC4, 'up');
    const [before, after, listed] = (await drive(router, 'again', 'vrrp4')) as [number, number, number[]];
    expect(after).not.toBe(before);
    expect(listed).toEqual([after]);
    expect(await sysctl('eth0', 'arp_ignore')).toBe(1);
  });

  it('has the last word that it was given, though it is set down while nobody waits', async () => {
    await make(router, 'vrrp4', MAC4, 'up');
    expect(await drive(router, 'waver', 'vrrp4')).toBe(true);
    await drive(router, 'down', 'vrrp4');
    expect(await router.run('ip link show dev vrrp4')).not.toMatch(/UP/);
  });

  it('tells of no group that it leaves, which would draw the switch back from a successor', async () => {
    await make(router, 'vrrp6', MAC6, 'up', 'fd00::fe/64');
    const before = await drive(router, 'leave', 'vrrp6', 'fd00::fe/64');
    // It is up still, and long past the time at which it would tell: a program has begun and ended meanwhile.
    expect(await drive(router, 'list')).toMatchObject([{ name: 'vrrp6', up: true }]);
    expect(await router.run('cat /proc/net/dev_snmp6/vrrp6')).toMatch(
      RegExp(`^Icmp6OutMLDv2Reports\\s+${before}$`, 'm'),
    );
    expect(await router.run('ip -6 -o addr show dev vrrp6')).toBe('');
    await drive(router, 'up', 'vrrp6');
    await router.run('ip addr add fd00::fe/64 dev vrrp6 nodad');
    expect(await fetchFrom('fd00::fe')).toBe('router\n');
  });

  it('that a process left before it was gone is gone with the next listing', async () => {
    await make(router, 'vrrp4', MAC4, 'up');
    await router.run('ip link set vrrp4 alias "vipward gone"');
    expect(await drive(router, 'list')).toEqual([]);
    expect(await router.run('ip -br link')).not.toMatch(/vrrp4/);
    await router.run('echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_ignore');
    await router.run('echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_announce');
  });

  it('takes the place of the one that had its Ethernet address under another name', async () => {
    await make(router, 'vrrp4', MAC4, 'up');
    await make(router, 'renamed', MAC4, 'up', '10.1.1.254/24');
    expect(await drive(router, 'list')).toMatchObject([{ name: 'renamed', up: true }]);
    expect(await sysctl('eth0', 'arp_ignore')).toBe(1);
    expect(await fetchFrom('10.1.1.254')).toBe('router\n');
  });

  it('with an Ethernet address that another has there is refused, and leaves nothing behind', async () => {
    await router.run(`ip link add theirs link eth0 address ${MAC4} up type macvlan mode private`);
    expect(await make(router, 'vrrp5', MAC4, 'up')).toEqual({
      error: expect.stringMatching(
        /vrrp5 \(00:00:5e:00:01:33\).*another macvlan there has this Ethernet address/,
      ),
    });
    expect(await router.run('ip -br link')).not.toMatch(/vrrp5/);
    expect(await sysctl('eth0', 'arp_ignore')).toBe(0);
    await router.run('ip link del theirs');
  });
});

describe('packets to a VIP that this host is not to accept', () => {
  it('are refused, but for the services of this host; neighbours learn the address all the same', async () => {
    await router.run(
      'for a in 10.1.1.254/24 10.1.1.253/24; do ip addr add $a dev eth0; done; for a in fd00::fe/64 fd00::fd/64; do ip addr add $a dev eth0 nodad; done',
    );
    const services = [{ protocol: 'tcp', port: 80 }];
    const refuse = [
      { address: '10.1.1.254', services: [], marks: [] },
      { address: '10.1.1.253', services, marks: [] },
      { address: 'fd00::fe', services: [], marks: [] },
      { address: 'fd00::fd', services, marks: [] },
    ];
    expect(await drive(router, 'refuse', JSON.stringify(refuse))).toBe('done');
    await forget();
    for (const address of ['10.1.1.254', 'fd00::fe']) {
      expect(await isSilent(address), address).toBe(true);
      expect(await neighbour(address)).toBe(parentMac);
    }
    for (const address of ['10.1.1.253', 'fd00::fd', '10.1.1.1', 'fd00::1'])
      expect(await fetchFrom(address), address).toBe('router\n');
    // A list takes the place of the one before as a whole.
    expect(await drive(router, 'refuse', JSON.stringify(refuse.slice(1, 2)))).toBe('done');
    expect(await fetchFrom('10.1.1.254')).toBe('router\n');
    expect(await drive(router, 'accept')).toBe('done');
    expect(await router.run('nft list ruleset')).toBe('');
    expect(await drive(router, 'accept')).toBe('done');
  });

  it('leave alone what others have in nftables', async () => {
    await router.run('nft add table inet theirs');
    await drive(router, 'refuse', JSON.stringify([{ address: '10.1.1.254', services: [], marks: [] }]));
    await drive(router, 'refuse', '[]');
    expect(await router.run('nft list tables')).toBe('table inet theirs\n');
  });
});
