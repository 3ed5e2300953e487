/**
 * The shape of the file: the one definition that validates it, types it, and becomes the JSON Schema with which
 * editors complete it. What a single value may be is here; how values must fit together is in `rules/`.
 *
 * A default is written as the file would write it (`prefault`), so that the JSON Schema can show it.
 */
import * as z from 'zod';
import { SCHEDULERS } from '../model/virtual-server.ts';
import { duration } from './duration.ts';
import {
  address,
  endpointField,
  flag,
  interfaceName,
  name,
  oneOf,
  pattern,
  prefix,
  status,
  wholeNumber,
} from './fields.ts';
import { phrase } from './phrase.ts';

const mapping = (content: string) => ({ error: phrase(`a mapping of ${content}`) });

const director = z.strictObject(
  {
    name: name().optional().describe('Names this director in logs and in status. Default: the host name.'),
  },
  mapping('the settings of this director'),
);

const vrrp = z.strictObject(
  {
    realtime: flag()
      .prefault(false)
      .describe(
        'Whether the VRRP process runs ahead of every ordinary process (SCHED_RR). For advert intervals below 100ms.',
      ),
  },
  mapping('settings of VRRP'),
);

const ipvs = z.strictObject(
  {
    exclusive: flag()
      .prefault(false)
      .describe(
        "Whether virtual servers that this file does not name are removed from the kernel's table. Otherwise they are left alone.",
      ),
  },
  mapping('settings of IPVS'),
);

const virtualRouter = z
  .strictObject(
    {
      interface: interfaceName().describe(
        'The network interface that carries the adverts and the addresses.',
      ),
      vrid: wholeNumber(1, 255).describe(
        'Identifies the virtual router in its network: the same on all its directors, and used by no other.',
      ),
      priority: wholeNumber(1, 255)
        .prefault(100)
        .describe(
          'The director with the highest priority is active. 255: it owns the addresses, and is active whenever it is up.',
        ),
      advert_interval: duration({ least: '10ms', most: '40.95s', step: '10ms' })
        .prefault('1s')
        .describe(
          'Time between adverts, from 10ms to 40.95s in steps of 10ms. A failed director is missed after three.',
        ),
      preempt: flag()
        .prefault(true)
        .describe('Whether this director takes over from an active one of lower priority.'),
      addresses: z
        .array(prefix(), { error: phrase('a list of addresses such as [10.1.1.254/24]') })
        .min(1, { error: phrase('at least one address such as 10.1.1.254/24') })
        .max(255, { error: phrase('at most 255 addresses') })
        .describe(
          'The virtual addresses (VIPs), each with the length of its network prefix: 32 unless given.',
        ),
    },
    mapping('the settings of a virtual router'),
  )
  .describe('One VRID on one interface: addresses that the directors share, held by one of them at a time.');

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
    address: address().describe("The real server's own address (RIP)."),
    port: wholeNumber(1, 65535)
      .optional()
      .describe("Where it listens. Default: the service's port, and only forwarding nat can have another."),
    weight: wholeNumber(0, 65535)
      .prefault(1)
      .describe('Its share of the connections, relative to the others. 0: it gets no new ones.'),
  },
  mapping('address, port and weight'),
);

const service = z
  .strictObject(
    {
      address: address().describe('The address that clients use (VIP).'),
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
      real_servers: z
        .array(realServer, { error: phrase('a list of real servers such as [{ address: 10.1.1.2 }]') })
        .min(1, { error: phrase('at least one real server such as { address: 10.1.1.2 }') })
        .describe('The servers that the connections go to.'),
    },
    mapping('the settings of a virtual server'),
  )
  .describe('A virtual server of IPVS, with its real servers.');

export const configShape = z.strictObject(
  {
    director: director.prefault({}).describe('This director itself.'),
    vrrp: vrrp.prefault({}).describe('VRRP as a whole.'),
    ipvs: ipvs.prefault({}).describe("The kernel's IPVS table as a whole."),
    virtual_routers: z
      .record(name(), virtualRouter, mapping('names to virtual routers'))
      .prefault({})
      .describe('Virtual routers by name: the addresses that move between directors.'),
    services: z
      .record(name(), service, mapping('names to virtual servers'))
      .prefault({})
      .describe('Virtual servers by name: what is balanced, and over which real servers.'),
  },
  mapping('virtual_routers, services and other sections'),
);

/** The file once its shape has been found right, with the defaults filled in. */
export type ConfigShape = z.infer<typeof configShape>;
export type VirtualRouterShape = ConfigShape['virtual_routers'][string];
export type ServiceShape = ConfigShape['services'][string];
export type CheckShape = NonNullable<ServiceShape['check']>;
