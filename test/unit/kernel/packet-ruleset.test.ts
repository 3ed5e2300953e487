import { expect, it } from 'vitest';
import { sourceNatsIn } from '../../../src/kernel/held-source-nats.ts';
import { packetRuleset } from '../../../src/kernel/packet-ruleset.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { MarkRule, PacketRules, SourceNatRule } from '../../../src/model/packet-rules.ts';

const TABLE = 'inet vipward-ipvs';
const inTable = (rules: PacketRules): string => packetRuleset(rules, TABLE);

const ip = (text: string) => text as IpAddress;
const VIP = ip('10.1.1.254');
const mark = (more: Partial<MarkRule> = {}): MarkRule => ({
  mark: 7,
  address: VIP,
  protocol: 'tcp',
  ports: [{ from: 80, to: 80 }],
  ...more,
});
const nat = (more: Partial<SourceNatRule> = {}): SourceNatRule => ({
  virtual: { address: VIP, protocol: 'tcp', ports: [{ from: 80, to: 80 }] },
  realServers: [{ address: ip('10.2.0.2'), port: 8080 }],
  to: 'auto',
  ...more,
});
/** The elements of each set and map that has any. */
const elements = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/ (?:set|map) (\S+) \{[^}]*?elements = \{ ([^}]*) \}/g)].map(([, name, list]) => [
      name,
      list,
    ]),
  );

it('replaces the table as a whole, and only removes it where there is nothing to hold', () => {
  const removal = 'table inet vipward-ipvs\ndelete table inet vipward-ipvs\n';
  expect(inTable({ marks: [], sourceNats: [] })).toBe(removal);
  const marks = inTable({ marks: [mark()], sourceNats: [] });
  expect(marks.startsWith(`${removal}table inet vipward-ipvs {\n`)).toBe(true);
  // A chain for source NAT would switch connection tracking on for everybody.
  expect(marks).not.toContain('hook postrouting');
  expect(inTable({ marks: [], sourceNats: [nat()] })).not.toContain('hook prerouting');
});

it('marks ports, ranges and every port, each family by itself', () => {
  const text = inTable({
    marks: [
      mark(),
      mark({ protocol: 'udp', ports: [{ from: 5060, to: 5080 }], mark: 8 }),
      mark({ address: ip('fd00::fe'), ports: [], mark: 9 }),
    ],
    sourceNats: [],
  });
  expect(elements(text)).toEqual({
    ports4: '10.1.1.254 . tcp . 80 : 7, 10.1.1.254 . udp . 5060-5080 : 8',
    protocols6: 'fd00::fe . tcp : 9',
  });
});

it('joins ranges that overlap or touch, which nft would refuse', () => {
  const ranges = [
    { from: 443, to: 443 },
    { from: 80, to: 90 },
    { from: 91, to: 95 },
    { from: 85, to: 88 },
  ];
  const text = inTable({
    marks: [mark({ ports: ranges }), mark({ ports: [{ from: 90, to: 100 }] })],
    sourceNats: [],
  });
  expect(elements(text)).toEqual({ ports4: '10.1.1.254 . tcp . 80-100 : 7, 10.1.1.254 . tcp . 443 : 7' });
});

it('source NAT is of real servers behind a virtual address, at their own port or the one asked for', () => {
  const virtual = { address: VIP, protocol: 'tcp', ports: [{ from: 1000, to: 1010 }] } as const;
  const text = inTable({
    marks: [],
    sourceNats: [
      nat(),
      nat({ virtual, realServers: [{ address: ip('10.2.0.2'), port: undefined }] }),
      nat({
        virtual: { ...virtual, ports: [] },
        realServers: [{ address: ip('10.2.0.3'), port: undefined }],
      }),
      nat({ to: ip('10.2.0.9'), realServers: [{ address: ip('10.2.0.4'), port: 80 }] }),
      nat({
        virtual: { ...virtual, protocol: 'udp', ports: [] },
        to: ip('10.2.0.9'),
        realServers: [{ address: ip('10.2.0.4'), port: undefined }],
      }),
      nat({ to: ip('10.2.0.8'), realServers: [{ address: ip('10.2.0.5'), port: 80 }] }),
    ],
    awaited: [ip('10.2.0.9')],
  });
  expect(elements(text)).toEqual({
    masqueraded4_0:
      '10.1.1.254 . tcp . 10.2.0.2 . 1000-1010, 10.1.1.254 . tcp . 10.2.0.2 . 8080, 10.1.1.254 . tcp . 10.2.0.3 . 0-65535',
    masqueraded4_1: '10.1.1.254 . tcp . 10.2.0.4 . 80, 10.1.1.254 . udp . 10.2.0.4 . 0-65535',
    masqueraded4_2: '10.1.1.254 . tcp . 10.2.0.5 . 80',
    replies4: '10.2.0.9 . tcp . 10.2.0.4 . 80, 10.2.0.9 . udp . 10.2.0.4 . 0-65535',
  });
  expect(text).toContain('@masqueraded4_0 masquerade\n');
  expect(text).toContain('@masqueraded4_1 snat ip to 10.2.0.9\n');
  // What a real server says of a connection that is not known here yet must not be reset by this host.
  const early = 'ct state new,invalid ip daddr . meta l4proto . ip saddr . th sport @replies4';
  expect(text).toContain(`${early} meta l4proto != tcp drop\n`);
  expect(text).toContain(`${early} tcp flags & (syn | ack) != syn drop\n`);
  expect(text).not.toContain('ip6');
});

it('source NAT of a former process is read from what nft lists', () => {
  const listing = `table inet vipward-ipvs {
	set ports4 { type ipv4_addr . inet_proto . inet_service : mark
		elements = { 10.1.1.254 . 6 . 81 : 0x00000007 }
	}
	set masqueraded4_0 {
		type ipv4_addr . inet_proto . ipv4_addr . inet_service
		flags interval
		elements = { 10.1.1.254 . 6 . 10.2.0.2 . 8080,
			     10.1.1.254 . 17 . 10.2.0.3 . 0-65535 }
	}
	set masqueraded6_0 {
		type ipv6_addr . inet_proto . ipv6_addr . inet_service
		flags interval
		elements = { fd00::fe . tcp . fd02::2 . 5000-6000, odd }
	}
	chain source_nat {
		type nat hook postrouting priority 90; policy accept;
		ct original ip daddr . meta l4proto . ip daddr . th dport @masqueraded4_0 masquerade
		ct original ip6 daddr . meta l4proto . ip6 daddr . th dport @masqueraded6_0 snat ip6 to fd02::100
	}
}`;
  const held = sourceNatsIn(listing);
  expect(elements(inTable({ marks: [], sourceNats: held }))).toEqual({
    masqueraded4_0: '10.1.1.254 . tcp . 10.2.0.2 . 8080, 10.1.1.254 . udp . 10.2.0.3 . 0-65535',
    masqueraded6_0: 'fd00::fe . tcp . fd02::2 . 5000-6000',
  });
  expect(held.map(({ to }) => to)).toEqual(['auto', 'auto', 'fd02::100']);
  expect(sourceNatsIn('')).toEqual([]);
});

it('has the chain that translates, with no source NAT in it, for connections that were translated before', () => {
  const text = inTable({ marks: [], sourceNats: [], translated: [ip('10.2.0.2')] });
  expect(text).toContain('type nat hook postrouting');
  expect(text).toContain('ct state');
  expect(text).not.toMatch(/set masqueraded|snat (ip|to)|masquerade/);
});
