/** Addresses, routes and rules: those that move with a virtual router, and those that stay. */
import * as z from 'zod';
import type { Prefix } from '../../model/address.ts';
import type { Scope } from '../../model/routes.ts';
import { address, hostPrefix, networkPrefix } from '../address-fields.ts';
import { flag, interfaceName, mapping, oneOf, pattern, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';

const MAX_UINT32 = 4_294_967_295;

function wordOrNumber<const Word extends string>(
  known: readonly Word[],
  least: number,
  most: number,
  expected: string,
) {
  const words = { error: phrase(expected) };
  return z.union([z.enum(known, words), z.int(words).min(least, words).max(most, words)], words);
}

const SCOPE = 'global, site, link, host, or a number from 0 to 255';
const scope = wordOrNumber(['global', 'site', 'link', 'host'], 0, 255, SCOPE);

const label = pattern(/^[!-~]{1,15}$/, 'a label of 1 to 15 characters such as "eth0:vip"');

/** What an address may have beside itself. */
const placement = {
  label: label.optional().describe('What `ip address` shows beside an IPv4 address, such as eth0:vip.'),
  scope: scope.optional().describe(`How far the address reaches: ${SCOPE}. Default: global.`),
};

/** A VIP as it has been read: its prefix with, perhaps, where and how it is put. */
export interface VirtualAddressShape extends Prefix {
  readonly device?: string | undefined;
  readonly label?: string | undefined;
  readonly scope?: Scope | undefined;
  readonly excluded: boolean;
}

const VIP = 'an address such as 10.1.1.254/24, or a mapping such as { address: 10.1.1.254/24, device: eth1 }';
const virtualAddress = z.union(
  [
    hostPrefix().transform((prefix): VirtualAddressShape => ({ ...prefix, excluded: false })),
    z
      .strictObject({
        address: hostPrefix().describe('The address, with the length of its network prefix.'),
        device: interfaceName()
          .optional()
          .describe("Where it is put. Default: the virtual router's interface."),
        ...placement,
        excluded: flag().prefault(false).describe('Whether it is left out of the adverts.'),
      })
      .transform(({ address: prefix, ...rest }): VirtualAddressShape => ({ ...prefix, ...rest })),
  ],
  { error: phrase(VIP) },
);

export const virtualAddresses = z
  .array(virtualAddress, { error: phrase('a list of addresses such as [10.1.1.254/24]') })
  .min(1, { error: phrase('at least one address such as 10.1.1.254/24') })
  .max(4096, { error: phrase('at most 4096 addresses') });

const TABLE = `main, local, default, or the number of a routing table from 1 to ${MAX_UINT32}`;
const tableNumbers = { default: 253, main: 254, local: 255 } as const;
const table = wordOrNumber(['main', 'local', 'default'], 1, MAX_UINT32, TABLE).transform((value) =>
  typeof value === 'number' ? value : tableNumbers[value],
);

const nextHop = z.strictObject(
  {
    via: address().optional().describe('The gateway.'),
    device: interfaceName().optional().describe('The interface it goes out by.'),
    weight: wholeNumber(1, 256).prefault(1).describe('Its share of the traffic, relative to the others.'),
  },
  mapping('via, device and weight'),
);

const DESTINATION = 'default, a network such as 10.0.0.0/8, or an address';
const destination = z.union([z.literal('default'), networkPrefix(DESTINATION)], {
  error: phrase(DESTINATION),
});

const route = z.strictObject(
  {
    to: destination.describe(
      'Where to: a network, an address, or default (of the family of via; IPv6 without one is ::/0).',
    ),
    via: address().optional().describe('The gateway.'),
    device: interfaceName()
      .optional()
      .describe('The interface it goes out by. Default: the one that reaches via.'),
    next_hops: z
      .array(nextHop, { error: phrase('a list of next hops such as [{ via: 10.1.1.2 }, { via: 10.1.1.3 }]') })
      .min(1, { error: phrase('at least one next hop such as { via: 10.1.1.2 }') })
      .optional()
      .describe('Several gateways that share the traffic, instead of via and device.'),
    type: oneOf(['unicast', 'blackhole', 'unreachable', 'prohibit'])
      .prefault('unicast')
      .describe(
        'What becomes of packets: unicast goes on; the others are dropped, without or with an answer.',
      ),
    source: address().optional().describe('The source address that this host prefers for it.'),
    table: table.optional().describe('The routing table: main, local, default or a number. Default: main.'),
    metric: wholeNumber(0, MAX_UINT32).optional().describe('The lower, the better.'),
    scope: scope.optional().describe("How far it reaches. Default: the kernel's choice."),
    mtu: wholeNumber(68, 65535).optional().describe('The largest packet on this way.'),
    onlink: flag()
      .prefault(false)
      .describe('Whether via is on the link although no network of the link holds it.'),
  },
  mapping('to, via, device and others'),
);

const FWMARK = 'a firewall mark such as 7 or "0x1/0xff"';
const mark = { error: phrase(FWMARK) };
const NUMBER = '(?:0x[0-9A-Fa-f]{1,8}|\\d{1,10})';

export interface FirewallMark {
  readonly mark: number;
  readonly mask: number | undefined;
}

const fwmark = z
  .union(
    [
      z.int(mark).min(0, mark).max(MAX_UINT32, mark),
      z
        .string(mark)
        .regex(new RegExp(`^${NUMBER}(?:/${NUMBER})?$`), mark)
        .refine((value) => value.split('/').every((part) => Number(part) <= MAX_UINT32), mark),
    ],
    mark,
  )
  .transform((value): FirewallMark => {
    const [number = '', mask] = String(value).split('/');
    return { mark: Number(number), mask: mask === undefined ? undefined : Number(mask) };
  });

const rule = z.strictObject(
  {
    from: networkPrefix().optional().describe('Packets from this network. Default: from anywhere.'),
    to: networkPrefix().optional().describe('Packets to this network. Default: to anywhere.'),
    fwmark: fwmark.optional().describe('Packets with this firewall mark, perhaps with a mask: "0x1/0xff".'),
    iif: interfaceName().optional().describe('Packets that came in by this interface.'),
    oif: interfaceName().optional().describe('Packets of sockets that are bound to this interface.'),
    priority: wholeNumber(0, MAX_UINT32)
      .optional()
      .describe("Rules are asked in this order. Default: the kernel's choice."),
    table: table.optional().describe('The routing table that decides.'),
    action: oneOf(['blackhole', 'unreachable', 'prohibit'])
      .optional()
      .describe('What becomes of the packets, instead of table.'),
    family: oneOf(['ipv4', 'ipv6'])
      .optional()
      .describe('Of a rule that has neither from nor to. Default: ipv4.'),
  },
  mapping('from, to, table and others'),
);

export const routes = z.array(route, {
  error: phrase('a list of routes such as [{ to: default, via: 10.1.1.9 }]'),
});
export const rules = z.array(rule, {
  error: phrase('a list of rules such as [{ from: 10.1.1.254, table: 100 }]'),
});

const fixedAddress = z
  .strictObject(
    {
      address: hostPrefix().describe('The address, with the length of its network prefix.'),
      device: interfaceName().describe('Where it is put.'),
      ...placement,
    },
    mapping('address and device'),
  )
  .transform(({ address: prefix, ...rest }) => ({ ...prefix, ...rest }));

export const fixed = z.strictObject(
  {
    addresses: z
      .array(fixedAddress, { error: phrase('a list such as [{ address: 10.9.9.1/24, device: eth1 }]') })
      .prefault([])
      .describe('Addresses that are put back when somebody removes them.'),
    routes: routes.prefault([]).describe('Routes likewise.'),
    rules: rules.prefault([]).describe('Policy rules likewise.'),
  },
  mapping('addresses, routes and rules'),
);
