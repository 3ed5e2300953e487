/** Virtual servers of IPVS with their real servers and checks, and the table as a whole. */
import * as z from 'zod';
import { SCHEDULERS } from '../../model/virtual-server.ts';
import { address, endpointField, ipv4Address } from '../address-fields.ts';
import { duration } from '../duration.ts';
import { flag, interfaceName, mapping, name, oneOf, pattern, status, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';

const sync = z
  .strictObject(
    {
      interface: interfaceName().describe(
        'The network interface that the connections are told over, by multicast.',
      ),
      id: wholeNumber(1, 255)
        .optional()
        .describe(
          'Tells our messages from those of other pairs. Default: the VRID of the virtual router that it follows.',
        ),
      follow: name()
        .optional()
        .describe(
          'The virtual router whose state it follows: it sends while active, and receives otherwise. Default: the first.',
        ),
      max_length: wholeNumber(1, 65507)
        .optional()
        .describe("Bytes of a message at most. Default: what the interface's MTU allows."),
      group: address().optional().describe('The multicast address. Default: 224.0.0.81.'),
      port: wholeNumber(1, 65535).optional().describe('The UDP port. Default: 8848.'),
      ttl: wholeNumber(1, 255).optional().describe('How many routers a message may pass. Default: 1.'),
    },
    mapping('interface, id and others'),
  )
  .describe("The kernel's connection synchronisation: connections live on through a failover.");

export const ipvs = z.strictObject(
  {
    exclusive: flag()
      .prefault(false)
      .describe(
        "Whether virtual servers that this file does not name are removed from the kernel's table. Otherwise they are left alone.",
      ),
    sync: sync.optional(),
  },
  mapping('settings of IPVS'),
);

const path = pattern(
  /^\/[!-"$-~]{0,4095}$/,
  'a path that begins with a slash, without blanks, # or letters outside ASCII (write them as %20 and the like)',
);
const host = pattern(
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/,
  'a host name such as www.example.com, without a port',
);

const request = {
  path: path.prefault('/').describe('What is asked for, with its query.'),
  status: status()
    .prefault('200-299')
    .describe('Accepted statuses: one (200), a range (200-299), or a list of both ([200, 204, 300-399]).'),
  host: host
    .optional()
    .describe("The Host header, and the name that TLS asks for. Default: the real server's address."),
};

const check = z
  .strictObject(
    {
      tcp: z
        .strictObject({}, { error: phrase('{}, since it has no settings') })
        .optional()
        .describe('Healthy when the connection is accepted. Has no settings: write {}.'),
      http: z
        .strictObject(request, {
          error: phrase('a mapping of path, status and host, or {} for their defaults'),
        })
        .optional()
        .describe('Healthy when a GET is answered with an accepted status.'),
      https: z
        .strictObject(
          {
            ...request,
            verify: flag()
              .prefault(true)
              .describe(
                'Whether the certificate must be valid for the host and come from a known authority. false accepts every certificate, a self-signed one too.',
              ),
          },
          { error: phrase('a mapping of path, status, host and verify, or {} for their defaults') },
        )
        .optional()
        .describe('As http, over TLS.'),
      port: wholeNumber(1, 65535)
        .optional()
        .describe("Where to connect. Default: the real server's own port."),
      interval: duration({ least: '10ms', most: '1h' })
        .prefault('3s')
        .describe('From the start of one probe to the start of the next.'),
      connect_timeout: duration({ least: '1ms', most: '1h' })
        .optional()
        .describe('For the TCP connection alone. Default: 1s, or timeout where that is less.'),
      timeout: duration({ least: '1ms', most: '1h' })
        .prefault('2s')
        .describe('For the whole probe, from the first packet to the answer. At least connect_timeout.'),
      rise: wholeNumber(1, 1000)
        .prefault(2)
        .describe(
          'Good probes in a row that bring a failed real server back. The first probe ever counts alone.',
        ),
      fall: wholeNumber(1, 1000).prefault(3).describe('Bad probes in a row that take a real server out.'),
    },
    mapping('one of tcp, http and https with interval, timeout, rise and fall'),
  )
  .meta({ oneOf: [{ required: ['tcp'] }, { required: ['http'] }, { required: ['https'] }] })
  .describe(
    'How real servers are checked: exactly one of tcp, http and https. Without it they always count as up.',
  );

const realServer = z.strictObject(
  {
    address: ipv4Address().describe("The real server's own address (RIP)."),
    port: wholeNumber(1, 65535)
      .optional()
      .describe("Where it listens. Default: the service's port, and only forwarding nat can have another."),
    weight: wholeNumber(0, 65535)
      .prefault(1)
      .describe('Its share of the connections, relative to the others. 0: it gets no new ones.'),
  },
  mapping('address, port and weight'),
);

export const service = z
  .strictObject(
    {
      address: ipv4Address().describe('The address that clients use (VIP).'),
      port: wholeNumber(1, 65535).describe('The port that clients use.'),
      protocol: oneOf(['tcp', 'udp']).prefault('tcp').describe('The transport protocol of the port.'),
      scheduler: oneOf(SCHEDULERS)
        .prefault('wlc')
        .describe(
          'How connections are shared out: wlc to the least loaded by weight, wrr in turn by weight, sh and mh by client address, …',
        ),
      forwarding: oneOf(['dr', 'nat', 'tun']).describe(
        'How packets reach real servers. dr: unchanged, in the same network, answered directly. nat: rewritten, answered through the director. tun: wrapped in IP, answered directly.',
      ),
      sorry_server: endpointField()
        .optional()
        .describe(
          "Takes over while no real server is healthy. On 127.0.0.1 it is this director, listening on 0.0.0.0 or the VIP at the service's port. Default port: the service's.",
        ),
      check: check.optional(),
      quorum: wholeNumber(1, 1_000_000)
        .prefault(1)
        .describe(
          'The sum of the weights of healthy real servers below which track takes the service to be down.',
        ),
      real_servers: z
        .array(realServer, { error: phrase('a list of real servers such as [{ address: 10.1.1.2 }]') })
        .min(1, { error: phrase('at least one real server such as { address: 10.1.1.2 }') })
        .describe('The servers that the connections go to.'),
    },
    mapping('the settings of a virtual server'),
  )
  .describe('A virtual server of IPVS, with its real servers.');
