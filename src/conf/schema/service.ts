/** Virtual servers of IPVS with their real servers. */
import * as z from 'zod';
import { MOST_WEIGHT } from '../../model/ipvs-table.ts';
import { SCHEDULER_FLAGS, SCHEDULERS } from '../../model/virtual-server.ts';
import { address, endpointField } from '../address-fields.ts';
import { flag, mapping, oneOf, oneOrMore, wholeNumber, wholeNumberFrom } from '../fields.ts';
import { phrase } from '../phrase.ts';
import { anyPort, ports } from '../ports.ts';
import { check } from './check.ts';
import { persistence } from './persistence.ts';
import { quorumNotify } from './programs.ts';
import { tunnel } from './tunnel.ts';

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
const FORWARDING = ['dr', 'nat', 'tun', 'fullnat'] as const;
/** As ldirectord and ipvsadm call them, in a command line and in a listing. */
const FORWARDING_ELSEWHERE = new Map<string, (typeof FORWARDING)[number]>([
  ...(['gate', 'gatewaying', 'route'] as const).map((word) => [word, 'dr'] as const),
  ...(['masq', 'masquerading', 'masquerade'] as const).map((word) => [word, 'nat'] as const),
  ...(['ipip', 'tunnel', 'tunneling'] as const).map((word) => [word, 'tun'] as const),
]);
const forwardingMethod = () => oneOf(FORWARDING, FORWARDING_ELSEWHERE);

const match = oneOrMore(
  z.strictObject(
    {
      address: oneOrMore(address(), 'an address such as 10.1.1.254, or a list of them').describe(
        'The destination address, or a list of them.',
      ),
      protocol: oneOf(PROTOCOLS).prefault('tcp').describe('The transport protocol.'),
      ports: ports().optional().describe('Ports and ranges of ports. Default: every port.'),
    },
    mapping('address, protocol and ports'),
  ),
  'a mapping of address, protocol and ports, or a list of them',
);

/** net/netfilter/ipvs/ip_vs_ctl.c; 32 bits on the wire, more than ipvsadm's 65535. */
const connections = () => wholeNumber(0, 4_294_967_295);

const thresholds = z.strictObject(
  {
    upper: connections().describe(
      'Connections from which on it gets no new ones, unless all are full. 0: no limit.',
    ),
    lower: connections()
      .prefault(0)
      .describe('Connections below which it gets new ones again. 0: three quarters of upper.'),
  },
  mapping('upper and lower'),
);

const realServer = z.strictObject(
  {
    address: address().describe("The real server's own address (RIP)."),
    port: wholeNumber(1, 65535)
      .optional()
      .describe(
        'Where it listens. Default: the port that the client asked for, and only forwarding nat and fullnat can have another.',
      ),
    weight: wholeNumber(0, MOST_WEIGHT)
      .prefault(1)
      .describe('Its share of the connections, relative to the others. 0: it gets no new ones.'),
    forwarding: forwardingMethod().optional().describe("How packets reach it. Default: the service's."),
    tunnel: tunnel().optional().describe("How tun wraps packets to it. Default: the service's."),
    source_address: address()
      .optional()
      .describe("Of fullnat: the address of the directors that it sees. Default: the service's."),
    thresholds: thresholds.optional().describe("Its limits of connections. Default: the service's."),
  },
  mapping('address, port, weight and others'),
);

const SORRY = 'an address and a port from 1 to 65535 such as 127.0.0.1:80 or "[::1]:80"';

const sorryMapping = z.strictObject({
  address: address().describe('Its address: on 127.0.0.1 or ::1 it is this director.'),
  port: wholeNumber(1, 65535).optional().describe("Where it listens. Default: the service's port."),
  check: check.optional().describe('How it is checked: it takes over only while healthy. Without it always.'),
  forwarding: forwardingMethod().optional().describe("How packets reach it. Default: the service's."),
  tunnel: tunnel().optional().describe("How tun wraps packets to it. Default: the service's."),
});

const sorryServer = z
  .union([endpointField(SORRY), sorryMapping], {
    error: phrase(`${SORRY}, or a mapping of address, port, check, forwarding and tunnel`),
  })
  .transform((value): z.output<typeof sorryMapping> => value);

const quorum = z
  .union(
    [
      wholeNumberFrom(1),
      z.strictObject({
        weight: wholeNumberFrom(1).prefault(1).describe('The sum of weights.'),
        hysteresis: wholeNumberFrom(0)
          .prefault(0)
          .describe('Lost below weight - hysteresis, gained at weight + hysteresis.'),
      }),
    ],
    { error: phrase('a whole number of 1 and up, or a mapping of weight and hysteresis') },
  )
  .transform((value) => (typeof value === 'number' ? { weight: value, hysteresis: 0 } : value));

/** Either an address with its port, or a mark: which, the rules see to. */
const what = {
  address: oneOrMore(address(), 'an address such as 10.1.1.254, or a list of them')
    .optional()
    .describe('The address that clients use (VIP), or a list of them.'),
  port: anyPort()
    .optional()
    .describe('The port that clients use, a list of ports and ranges, or any (which needs persistence).'),
  protocol: oneOf(PROTOCOLS).optional().describe('The transport protocol of the port. Default: tcp.'),
  mark: wholeNumber(1, 4_294_967_295)
    .optional()
    .describe('Instead of address and port: the firewall mark of the packets that are meant.'),
  family: oneOf(['ipv4', 'ipv6', 'both'])
    .optional()
    .describe('Of a mark. Default: the families of match, or ipv4.'),
  match: match
    .optional()
    .describe('Packets that are given the mark. Without it somebody else sees to the mark.'),
};

const sharing = {
  scheduler: oneOf(SCHEDULERS)
    .prefault('wlc')
    .describe(
      'How connections are shared out: wlc to the least loaded by weight, wrr in turn by weight, sh and mh by client address, …',
    ),
  scheduler_flags: oneOrMore(
    oneOf(SCHEDULER_FLAGS),
    `a list of ${SCHEDULER_FLAGS.slice(0, -1).join(', ')} or ${SCHEDULER_FLAGS.at(-1)}`,
  )
    .optional()
    .describe('What the scheduler is told beside: sh-port, sh-fallback, mh-port, mh-fallback, flag-1 to 3.'),
  persistence: persistence()
    .optional()
    .describe('Clients stay with their real server for so long. A time-out, or a mapping.'),
  one_packet: flag()
    .prefault(false)
    .describe('Whether every UDP datagram is balanced by itself (one-packet scheduling).'),
  forwarding: forwardingMethod().describe(
    'How packets reach real servers. dr: unchanged, in the same network, answered directly. nat: rewritten, answered through the director. tun: wrapped in IP, answered directly. fullnat: rewritten at both ends, answered to the director from anywhere.',
  ),
  tunnel: tunnel().optional().describe('How tun wraps packets: ipip, gre, gue, or a mapping. Default: ipip.'),
  source_address: oneOrMore(address(), 'an address such as 10.2.0.100, or one of each family')
    .optional()
    .describe(
      'Of fullnat: the address of the directors that real servers see, or one of each family. One that floats with the VIP lets connections survive a failover. Default: the one that the director reaches each of them with.',
    ),
  thresholds: thresholds.optional().describe('Limits of connections for each real server.'),
};

const health = {
  sorry_server: oneOrMore(sorryServer, `${SORRY}, or a list of such or of mappings`)
    .optional()
    .describe(
      "Takes over while the quorum is missing, or a list of such. On 127.0.0.1 it is this director, listening on 0.0.0.0 or the VIP at the service's port. Default port: the service's.",
    ),
  check: check.optional(),
  check_while: oneOf(['always', 'active'])
    .prefault('always')
    .describe('active: real servers are checked only while this director holds one of the addresses.'),
  initial: oneOf(['down', 'up'])
    .prefault('down')
    .describe('What a real server is taken for before its first check.'),
  on_failure: oneOf(['remove', 'drain'])
    .optional()
    .describe(
      'A failed real server is removed, or gets weight 0 so that its connections go on. Default: remove, and drain with scheduler mh.',
    ),
  quorum: quorum
    .prefault(1)
    .describe(
      'The sum of the weights of healthy real servers below which the service is down: the sorry server takes over, and track takes it to be down. A number, or a mapping of weight and hysteresis.',
    ),
  notify: quorumNotify.optional().describe('Programs that are run when the quorum is lost and gained.'),
};

export const service = z
  .strictObject(
    {
      ...what,
      ...sharing,
      ...health,
      real_servers: z
        .array(realServer, { error: phrase('a list of real servers such as [{ address: 10.1.1.2 }]') })
        .min(1, { error: phrase('at least one real server such as { address: 10.1.1.2 }') })
        .describe('The servers that the connections go to.'),
    },
    mapping('the settings of a virtual server'),
  )
  .meta({ oneOf: [{ required: ['address', 'port'] }, { required: ['mark'] }] })
  .describe('A virtual server of IPVS, with its real servers.');
