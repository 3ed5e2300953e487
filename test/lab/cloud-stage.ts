/**
 * One cloud kernel for all the tests that need IPVS and nftables together, and the network inside it, of both families:
 *
 *   lan     10.1.1.0/24  fd01::/64   client .100, director .1, near .2, standby .3 (VIPs on lo, for direct routing)
 *   middle  10.2.0.0/24  fd02::/64   director .1 and .9, web .2 (its gateway is the director), standby .3, router .254
 *   farm    10.3.0.0/24  fd03::/64   router .254, far1 .2, far2 .3 (their gateway is nowhere)
 *
 * IPv4 addresses end with the same number as IPv6 ones.
 */
import { Lab } from './support/lab.ts';
import { NamespaceNode } from './support/network.ts';
import type { Node } from './support/node.ts';

export interface Stage {
  readonly client: Node;
  readonly director: Node;
  /** A second director, which nothing is set up on. */
  readonly standby: Node;
  readonly near: Node;
  readonly web: Node;
  /** far1 and far2. */
  readonly farm: readonly Node[];
  /** Takes the director's cables out of the switches, or puts them back. */
  plugDirector(on: boolean): Promise<void>;
  close(): Promise<void>;
}

type NetworkName = 'lan' | 'middle' | 'farm';
const NETWORKS: Readonly<Record<NetworkName, { readonly four: string; readonly six: string }>> = {
  lan: { four: '10.1.1', six: 'fd01' },
  middle: { four: '10.2.0', six: 'fd02' },
  farm: { four: '10.3.0', six: 'fd03' },
};

interface Host {
  readonly places: readonly (readonly [NetworkName, number])[];
  /** To a network, or to everywhere else, by the host of this number in its own network. */
  readonly routes: readonly (readonly [to: NetworkName | 'default', by: NetworkName, number: number])[];
}
const LOST: Host['routes'] = [
  ['middle', 'farm', 254],
  ['default', 'farm', 99],
];
const HOSTS = {
  client: { places: [['lan', 100]], routes: [] },
  director: {
    places: [
      ['lan', 1],
      ['middle', 1],
    ],
    routes: [['farm', 'middle', 254]],
  },
  standby: {
    places: [
      ['lan', 3],
      ['middle', 3],
    ],
    routes: [['farm', 'middle', 254]],
  },
  near: { places: [['lan', 2]], routes: [] },
  web: { places: [['middle', 2]], routes: [['default', 'middle', 1]] },
  router: {
    places: [
      ['middle', 254],
      ['farm', 254],
    ],
    routes: [],
  },
  far1: { places: [['farm', 2]], routes: LOST },
  far2: { places: [['farm', 3]], routes: LOST },
} as const satisfies Readonly<Record<string, Host>>;

let current: Stage | undefined;

/** The stage that the cases of this test run share. */
export function stage(): Stage {
  if (current === undefined) throw new Error('the stage is not set yet');
  return current;
}

/** Sets the stage that `stage` gives. */
export async function setStage(): Promise<void> {
  const lab = await Lab.create();
  try {
    current = await build(lab);
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Nothing to do where it was never set. */
export async function closeStage(): Promise<void> {
  await current?.close();
}

async function build(lab: Lab): Promise<Stage> {
  const kernel = await lab.addKernel('cloud', { kind: 'cloud', ports: [] });
  await kernel.boot();
  await kernel.run(['sh', '-ec', networkScript()]);
  const host = (name: keyof typeof HOSTS): Node => new NamespaceNode(name, name, kernel, `/run/lab/${name}`);
  const room = new NamespaceNode('switch', 'switch', kernel, '/run/lab/switch');
  return {
    client: host('client'),
    director: host('director'),
    standby: host('standby'),
    near: host('near'),
    web: host('web'),
    farm: [host('far1'), host('far2')],
    plugDirector: (on) => plug(room, 'director', on),
    close: () => lab.close(),
  };
}

async function plug(room: Node, name: keyof typeof HOSTS, on: boolean): Promise<void> {
  const lines = HOSTS[name].places.map(
    ([network], index) => `link set ${name}${index} ${on ? `master ${network}` : 'nomaster'}`,
  );
  await room.run('ip -batch -', { input: lines.join('\n') });
}

/** In as few processes as can be: to start one takes the emulated CPU longer than all that it does then. */
function networkScript(): string {
  const batch = (namespace: string, lines: readonly string[]): string =>
    `ip -n ${namespace} -batch - <<-END\n${lines.join('\n')}\nEND`;
  const names = Object.keys(HOSTS);
  const hosts: readonly (readonly [string, Host])[] = Object.entries(HOSTS);
  const cables = hosts.flatMap(([name, { places }]) =>
    places.map(([network], index) => {
      const port = `${name}${index}`;
      return `link add ${port} type veth peer name eth${index} netns ${name}\nlink set ${port} master ${network} up`;
    }),
  );
  const bridges = Object.keys(NETWORKS).flatMap((network) => [
    `link add ${network} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
    `link set ${network} up`,
  ]);
  return [
    `ip -batch - <<-END\n${['switch', ...names].map((name) => `netns add ${name}`).join('\n')}\nEND`,
    batch('switch', [...bridges, ...cables]),
    ...hosts.map(([name, host]) => batch(name, hostLines(host))),
    ...['director', 'standby', 'router'].map(
      (name) =>
        `ip netns exec ${name} sh -c 'for all in ipv4/ip_forward ipv6/conf/all/forwarding; do echo 1 >/proc/sys/net/$all; done'`,
    ),
    batch('director', [
      'address add 10.2.0.9/24 dev eth1',
      'address add fd02::9/64 dev eth1 nodad preferred_lft 0',
    ]),
    'ip netns exec director nft add table inet theirs',
  ].join('\n');
}

const hostLines = ({ places, routes }: Host): readonly string[] => [
  'link set lo up',
  ...places.flatMap(([network, number], index) => {
    const { four, six } = NETWORKS[network];
    return [
      `link set eth${index} up`,
      `address add ${four}.${number}/24 dev eth${index}`,
      `address add ${six}::${number}/64 dev eth${index} nodad`,
    ];
  }),
  ...routes.flatMap(([to, by, number]) => {
    const four = to === 'default' ? to : `${NETWORKS[to].four}.0/24`;
    const six = to === 'default' ? to : `${NETWORKS[to].six}::/64`;
    return [
      `route add ${four} via ${NETWORKS[by].four}.${number}`,
      `route add ${six} via ${NETWORKS[by].six}::${number}`,
    ];
  }),
];

/** Puts virtual addresses on the director, and gives it their virtual servers, as `ipvsadm -R` reads them. */
export async function serveVips(vips: readonly string[], table: readonly string[]): Promise<void> {
  const { director } = stage();
  const addresses = vips.map((vip) => `address add ${vip}/${vip.includes(':') ? '64 nodad' : '24'} dev eth0`);
  await director.run('ip -batch -', { input: addresses.join('\n') });
  await director.run('ipvsadm -R', { input: table.join('\n') });
}

/** As a part of a line of ipvsadm: IPv6 addresses in brackets. */
export const named = (address: string): string => (address.includes(':') ? `[${address}]` : address);
