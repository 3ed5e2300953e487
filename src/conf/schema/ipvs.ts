/** The kernel's IPVS table as a whole. */
import * as z from 'zod';
import { address } from '../address-fields.ts';
import { duration } from '../duration.ts';
import { flag, interfaceName, mapping, name, wholeNumber } from '../fields.ts';
import { sysctl } from './ipvs-sysctl.ts';

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

/**
 * The kernel counts them in ticks, up to 2^31 - 1 (ip_vs_set_timeout() and ip_vs_add_service() of
 * net/netfilter/ipvs/ip_vs_ctl.c): with a thousand of these in a second, which is the most, that is so many seconds.
 */
export const kernelTimeout = () => duration({ least: '1s', most: '2147483s', step: '1s' });

const timeouts = z
  .strictObject(
    {
      tcp: kernelTimeout().optional().describe("Of an idle TCP connection. Default: the kernel's, 15m."),
      tcp_fin: kernelTimeout()
        .optional()
        .describe("Of a TCP connection after its first FIN. Default: the kernel's, 2m."),
      udp: kernelTimeout().optional().describe("Of UDP without a packet. Default: the kernel's, 5m."),
    },
    mapping('tcp, tcp_fin and udp'),
  )
  .describe('How long the kernel remembers connections in which nothing happens.');

export const ipvs = z.strictObject(
  {
    exclusive: flag()
      .prefault(false)
      .describe(
        "Whether virtual servers that this file does not name are removed from the kernel's table. Otherwise they are left alone.",
      ),
    prepare: flag()
      .prefault(true)
      .describe(
        'Whether kernel modules and settings (forwarding, reverse path filters, net.ipv4.vs) that the services need are set, and put back at the end.',
      ),
    timeouts: timeouts.prefault({}),
    sysctl: sysctl.prefault({}),
    sync: sync.optional(),
  },
  mapping('settings of IPVS'),
);
