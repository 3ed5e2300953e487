/** How adverts go from director to director: peers, ways, authentication. */
import * as z from 'zod';
import { address } from '../address-fields.ts';
import { filePath, flag, interfaceName, mapping, oneOf, oneOrMore, pattern, wholeNumber } from '../fields.ts';
import { hmacSecret } from '../hmac-key.ts';
import { phrase } from '../phrase.ts';

/**
 * For `transport: udp`. Outside what IANA assigns (0 to 49151), and outside what Linux gives to outgoing connections
 * unless told (32768 to 60999), so that nothing else is there by accident. 112 as VRRP's protocol number.
 */
export const UDP_PORT = 61112;

const PEER = 'the address of another director such as 10.1.1.2, or { address: 10.1.1.2, min_ttl: 255 }';
const peer = z
  .union(
    [
      address(),
      z.strictObject({
        address: address().describe("The other director's own address."),
        min_ttl: wholeNumber(1, 255)
          .optional()
          .describe('The least TTL its packets must arrive with; 255: from the same network. Default: any.'),
      }),
    ],
    { error: phrase(PEER) },
  )
  .transform((value) => (typeof value === 'string' ? { address: value } : value));

const PEERS = 'a list of the other directors such as [10.1.1.2]';
const peers = z.array(peer, { error: phrase(PEERS) }).min(1, { error: phrase(PEERS) });

const transportWord = oneOf(['vrrp', 'udp']);
const source = oneOrMore(
  address(),
  'an address of this director such as 10.1.1.1, or a list of one per family',
);
const port = wholeNumber(1, 65535).prefault(UDP_PORT);

const HEARTBEAT =
  'the name of an interface such as eth1, or a mapping such as { interface: eth1, peers: [10.2.2.2] }';
const heartbeatPath = z
  .union(
    [
      interfaceName(),
      z.strictObject({
        interface: interfaceName().describe('The network interface.'),
        peers: peers
          .optional()
          .describe(
            "The other directors' addresses there. Default: multicast; on the router's own interface, its peers.",
          ),
        transport: transportWord
          .optional()
          .describe(
            "As the virtual router's key. Default: vrrp; on the router's own interface, its transport.",
          ),
        source: source
          .optional()
          .describe("Where our adverts come from. Default: the interface's first address of the family."),
        port: wholeNumber(1, 65535)
          .optional()
          .describe(`The UDP port, with transport udp. Default: ${UDP_PORT}.`),
      }),
    ],
    { error: phrase(HEARTBEAT) },
  )
  .transform((value) => (typeof value === 'string' ? { interface: value } : value));

const hmacKey = z.strictObject(
  {
    id: wholeNumber(1, 255).describe('The number under which all directors know this key.'),
    key: hmacSecret()
      .optional()
      .describe('The secret: 32 to 64 characters, or hex: and the digits of 32 to 64 bytes.'),
    key_file: filePath('/etc/vipward/vip1.key')
      .optional()
      .describe('A file that holds what key would, readable by root alone.'),
    active: flag()
      .optional()
      .describe('Whether this is the key to send with. Default: true where there is one key.'),
  },
  mapping('id and key or key_file'),
);

const HMAC = 'a list of keys such as [{ id: 1, key_file: /etc/vipward/vip1.key }]';
const authentication = z
  .strictObject(
    {
      text: pattern(
        /^[!-~]{1,8}$/,
        '1 to 8 printable ASCII characters, in quotes where they look like a number',
      )
        .optional()
        .describe("VRRPv2's own password: goes in clear, and guards against accidents only."),
      hmac: z
        .array(hmacKey, { error: phrase(HMAC) })
        .min(1, { error: phrase(HMAC) })
        .optional()
        .describe(
          "Keyed authentication (HMAC-SHA256) with protection against replay, as keepalived's auth_hmac. Clocks must agree within 5s. With several keys any is accepted, and the active one is sent with, so that keys can be changed one director at a time.",
        ),
    },
    mapping('text or hmac'),
  )
  .meta({ oneOf: [{ required: ['text'] }, { required: ['hmac'] }] });

/** The keys of a virtual router that are about the way of its adverts. */
export const transport = {
  authentication: authentication
    .optional()
    .describe('How adverts prove where they come from. Default: not at all.'),
  transport: transportWord
    .prefault('vrrp')
    .describe('vrrp: IP protocol 112. udp: for networks that pass nothing else; needs peers and hmac.'),
  port: port.describe('The UDP port, with transport udp.'),
  peers: peers
    .optional()
    .describe("The other directors' own addresses, to which adverts then go (unicast). Default: multicast."),
  source: source
    .optional()
    .describe(
      "Where our adverts come from, one per family. Default: the interface's first address of the family.",
    ),
  heartbeat: z
    .array(heartbeatPath, { error: phrase('a list of interfaces such as [eth0, eth1]') })
    .min(1, { error: phrase('at least one interface such as [eth0, eth1]') })
    .optional()
    .describe(
      "All the ways that adverts go, of which the router's own interface is always the first: a backup acts only when all are silent. Default: the own interface.",
    ),
};
