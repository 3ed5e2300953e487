/** The services of textbook case 7: one for each scheduler, and for each of its flags. */
import { behind, behind6, beside, VIP, VIP_ANY, VIP6 } from './textbook-pool.ts';

export interface Service {
  readonly scheduler: string;
  /** Of a, b and c; a 0 takes no connections. */
  readonly weights: readonly number[];
  /** Upper thresholds of a, b and c. */
  readonly upper?: readonly number[];
  readonly flags?: readonly string[];
  /** Its destinations are all of 10.9.MARK.0/24, or of fd00:9:MARK::/48. */
  readonly mark?: number;
  /** Default 4. */
  readonly family?: 4 | 6;
  readonly more?: string;
}

export const SERVICES = {
  rr: { scheduler: 'rr', weights: [3, 1, 0] },
  wrr: { scheduler: 'wrr', weights: [4, 2, 1] },
  lc: { scheduler: 'lc', weights: [5, 1, 1] },
  wlc: { scheduler: 'wlc', weights: [4, 2, 1] },
  sed: { scheduler: 'sed', weights: [4, 1, 0] },
  nq: { scheduler: 'nq', weights: [4, 1, 0] },
  fo: { scheduler: 'fo', weights: [3, 2, 1], upper: [2, 1, 0] },
  fo_udp: { scheduler: 'fo', weights: [2, 1, 0], upper: [4, 0, 0], more: 'protocol: udp' },
  ovf: { scheduler: 'ovf', weights: [2, 1, 0] },
  dh: { scheduler: 'dh', weights: [1, 1, 1], mark: 1 },
  lblc: { scheduler: 'lblc', weights: [2, 2, 0], mark: 2 },
  lblcr: { scheduler: 'lblcr', weights: [2, 2, 0], mark: 3 },
  sh: { scheduler: 'sh', weights: [2, 1, 1] },
  sh_port: { scheduler: 'sh', weights: [2, 1, 1], flags: ['sh-port'] },
  sh_full: { scheduler: 'sh', weights: [1, 1, 1], upper: [1, 1, 1] },
  sh_fallback: { scheduler: 'sh', weights: [1, 1, 1], upper: [1, 1, 1], flags: ['sh-fallback'] },
  mh: { scheduler: 'mh', weights: [2, 1, 1] },
  mh_port: { scheduler: 'mh', weights: [2, 1, 1], flags: ['mh-port'] },
  mh_full: { scheduler: 'mh', weights: [1, 1, 1], upper: [1, 1, 1] },
  mh_fallback: { scheduler: 'mh', weights: [1, 1, 1], upper: [1, 1, 1], flags: ['mh-fallback'] },
  rr6: { scheduler: 'rr', weights: [3, 1, 0], family: 6 },
  wrr6: { scheduler: 'wrr', weights: [4, 2, 1], family: 6 },
  wlc6: { scheduler: 'wlc', weights: [4, 2, 1], family: 6 },
  dh6: { scheduler: 'dh', weights: [1, 1, 1], mark: 4, family: 6 },
  lblc6: { scheduler: 'lblc', weights: [2, 2, 0], mark: 5, family: 6 },
  lblcr6: { scheduler: 'lblcr', weights: [2, 2, 0], mark: 6, family: 6 },
  sh6: { scheduler: 'sh', weights: [2, 1, 1], family: 6 },
  sh6_port: { scheduler: 'sh', weights: [2, 1, 1], flags: ['sh-port'], family: 6 },
  mh6: { scheduler: 'mh', weights: [2, 1, 1], family: 6 },
  mh6_port: { scheduler: 'mh', weights: [2, 1, 1], flags: ['mh-port'], family: 6 },
  twos: { scheduler: 'twos', weights: [1, 1, 1] },
  udp: { scheduler: 'rr', weights: [1, 1, 1], more: 'protocol: udp, forwarding: dr' },
  one_packet: {
    scheduler: 'rr',
    weights: [1, 1, 1],
    more: 'protocol: udp, forwarding: dr, one_packet: true',
  },
  sctp: { scheduler: 'rr', weights: [1, 1], more: 'protocol: sctp, forwarding: dr' },
} as const satisfies Record<string, Service>;
export type Name = keyof typeof SERVICES;
const NAMES = Object.keys(SERVICES) as Name[];

/** Each has a port of its own, on the one VIP of its family; with direct routing the real servers have the same. */
export const portOf = (name: Name): number => 8_000 + NAMES.indexOf(name);
export const vipOf = (name: Name): string => ((SERVICES[name] as Service).family === 6 ? VIP6 : VIP);
/** One of the destinations of a service with a mark. */
export function destinationOf(name: Name, last: number): { readonly to: string; readonly port: number } {
  const { mark, family }: Service = SERVICES[name];
  return { to: family === 6 ? `fd00:9:${mark}::${last}` : `10.9.${mark}.${last}`, port: REAL_PORT };
}
const isDirect = ({ more }: Service): boolean => more?.includes('dr') === true;
/** Of the real servers of all that are masqueraded. */
export const REAL_PORT = 80;

/** Of the only two real servers for SCTP. */
export const sctpServer = (index: number): string => `10.1.1.${21 + index}`;

function serviceYaml(name: Name): string {
  const service: Service = SERVICES[name];
  const { scheduler, weights, upper = [], flags = [], mark, family = 4, more = '' } = service;
  const place =
    mark === undefined
      ? `address: "${vipOf(name)}", port: ${portOf(name)}`
      : `mark: ${mark}, family: ipv${family}`;
  const servers = weights.map((weight, index) => {
    const to = isDirect(service)
      ? `address: ${name === 'sctp' ? sctpServer(index) : beside(index)}`
      : `address: "${family === 6 ? behind6(index) : behind(index)}", port: ${REAL_PORT}`;
    return `{ ${to}, weight: ${weight}, thresholds: { upper: ${upper[index] ?? 0} } }`;
  });
  return `
  ${name}: { ${place}, scheduler: ${scheduler},
    ${flags.length === 0 ? '' : `scheduler_flags: [${flags.join(', ')}],`} ${more === '' ? '' : `${more},`} ${isDirect(service) ? '' : 'forwarding: nat,'}
    real_servers: [${servers.join(', ')}] }`;
}

/** One definition for many entries of the table: addresses of both families, a port and a range. */
export const MANY = {
  addresses: [VIP, VIP_ANY, VIP6],
  ports: [9_001, 9_010, 9_011, 9_012],
  beyond: [9_000, 9_002, 9_009, 9_013],
  /** Of a and b, either family. */
  servers: [behind(0), behind(1), behind6(0), behind6(1)],
} as const;

export const CONFIG = `
ipvs:
  timeouts: { udp: 5s }
services:${NAMES.map(serviceYaml).join('')}
  many: { address: [${MANY.addresses.map((address) => `"${address}"`)}], port: [9001, 9010-9012], scheduler: rr,
    forwarding: nat, real_servers: [${MANY.servers.map((address) => `{ address: "${address}" }`)}] }
`;
export const MARKS = NAMES.flatMap((name) => {
  const { mark, family = 4 }: Service = SERVICES[name];
  const network = family === 6 ? `fd00:9:${mark}::/48` : `10.9.${mark}.0/24`;
  return mark === undefined ? [] : [{ mark, family, match: `-d ${network} -p tcp --dport ${REAL_PORT}` }];
});
export const PLACES = [
  ...[REAL_PORT, ...MANY.ports, ...MANY.beyond].map((port) => `tcp/${port}`),
  ...[`udp/0.0.0.0/${REAL_PORT}`],
  ...[`udp/${VIP}/${portOf('udp')}`, `udp/${VIP}/${portOf('one_packet')}`],
];
