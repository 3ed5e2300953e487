/** The services of textbook case 7: one for each scheduler, and for each of its flags. */
import { behind, beside, VIP } from './textbook-pool.ts';

export interface Service {
  readonly scheduler: string;
  /** Of a, b and c; a 0 takes no connections. */
  readonly weights: readonly number[];
  /** Upper thresholds of a, b and c. */
  readonly upper?: readonly number[];
  readonly flags?: readonly string[];
  /** Its destinations are all of 10.9.MARK.0/24. */
  readonly mark?: number;
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

/** Each has a port of its own, on the one VIP; with direct routing the real servers have the same. */
export const portOf = (name: Name): number => 8_000 + NAMES.indexOf(name);
const isDirect = ({ more }: Service): boolean => more?.includes('dr') === true;
/** Of the real servers of all that are masqueraded. */
export const REAL_PORT = 80;

/** Of the only two real servers for SCTP. */
export const sctpServer = (index: number): string => `10.1.1.${21 + index}`;

function serviceYaml(name: Name): string {
  const service: Service = SERVICES[name];
  const { scheduler, weights, upper = [], flags = [], mark, more = '' } = service;
  const place = mark === undefined ? `address: ${VIP}, port: ${portOf(name)}` : `mark: ${mark}`;
  const servers = weights.map((weight, index) => {
    const to = isDirect(service)
      ? `address: ${name === 'sctp' ? sctpServer(index) : beside(index)}`
      : `address: ${behind(index)}, port: ${REAL_PORT}`;
    return `{ ${to}, weight: ${weight}, thresholds: { upper: ${upper[index] ?? 0} } }`;
  });
  return `
  ${name}: { ${place}, scheduler: ${scheduler},
    ${flags.length === 0 ? '' : `scheduler_flags: [${flags.join(', ')}],`} ${more === '' ? '' : `${more},`} ${isDirect(service) ? '' : 'forwarding: nat,'}
    real_servers: [${servers.join(', ')}] }`;
}

export const CONFIG = `
ipvs:
  timeouts: { udp: 2s }
services:${NAMES.map(serviceYaml).join('')}
`;
export const MARKS = [SERVICES.dh, SERVICES.lblc, SERVICES.lblcr].map(({ mark }) => ({
  mark,
  match: `-d 10.9.${mark}.0/24 -p tcp --dport ${REAL_PORT}`,
}));
export const PLACES = [
  ...[`tcp/${REAL_PORT}`, `udp/0.0.0.0/${REAL_PORT}`],
  ...[`udp/${VIP}/${portOf('udp')}`, `udp/${VIP}/${portOf('one_packet')}`],
];
