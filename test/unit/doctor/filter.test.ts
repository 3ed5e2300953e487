import { describe, expect, it } from 'vitest';
import { parseIptables } from '../../../src/doctor/filter/iptables.ts';
import { passCommand } from '../../../src/doctor/filter/mend.ts';
import { parseNftables } from '../../../src/doctor/filter/nftables.ts';
import { type Probe, type Ruleset, verdictOf } from '../../../src/doctor/filter/ruleset.ts';
import { parseAddress } from '../../../src/model/address.ts';

const web: Probe = {
  family: 'ipv4',
  hook: 'input',
  protocol: 'tcp',
  link: 'eth0',
  out: undefined,
  source: undefined,
  destination: parseAddress('10.1.1.254'),
  sourcePort: undefined,
  destinationPort: 80,
  state: 'new',
};
const advert: Probe = { ...web, protocol: 'vrrp', destination: undefined, destinationPort: undefined };

/** Rules of one chain at the hook input. */
const nft = (policy: string, ...rules: readonly (readonly unknown[])[]): Ruleset =>
  parseNftables(
    JSON.stringify({
      nftables: [
        { metainfo: { version: '1.0.6' } },
        { table: { family: 'inet', name: 'filter' } },
        { chain: { family: 'inet', table: 'filter', name: 'input', hook: 'input', prio: 0, policy } },
        { chain: { family: 'inet', table: 'filter', name: 'services' } },
        { chain: { family: 'inet', table: 'filter', name: 'none' } },
        ...rules.map((expr) => ({ rule: { family: 'inet', table: 'filter', chain: 'input', expr } })),
        {
          rule: {
            family: 'inet',
            table: 'filter',
            chain: 'services',
            expr: [
              match({ payload: { protocol: 'tcp', field: 'dport' } }, { set: [80, 443] }),
              { accept: null },
            ],
          },
        },
      ],
    }),
    ['vipward'],
  );
const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
const dport = { payload: { protocol: 'tcp', field: 'dport' } };
const daddr = { payload: { protocol: 'ip', field: 'daddr' } };
const ct = (value: unknown, op = 'in') => match({ ct: { key: 'state' } }, value, op);
const established = [ct(['established', 'related']), { accept: null }];
const iifname = { meta: { key: 'iifname' } };
const vmap = (key: unknown, ...elements: readonly (readonly [unknown, unknown])[]) => ({
  vmap: { key, data: { set: elements } },
});
const ACCEPT = { accept: null };
const DROP = { drop: null };
/** May or may not be so. */
const MAYBE = match({ meta: { key: 'skuid' } }, 0);

describe('nftables', () => {
  it.each([
    ['a policy', nft('drop'), web, 'drop'],
    ['a policy that lets through', nft('accept'), web, 'accept'],
    ['a port', nft('drop', [match(dport, 80), { accept: null }]), web, 'accept'],
    ['another port', nft('drop', [match(dport, 81), { accept: null }]), web, 'drop'],
    ['a range', nft('drop', [match(dport, { range: [1, 99] }), { accept: null }]), web, 'accept'],
    ['not a port', nft('accept', [match(dport, 22, '!='), { drop: null }]), web, 'drop'],
    [
      'a network',
      nft('accept', [match(daddr, { prefix: { addr: '10.1.0.0', len: 16 } }), { reject: null }]),
      web,
      'drop',
    ],
    [
      'a protocol by number',
      nft('drop', [match({ meta: { key: 'l4proto' } }, 112), { accept: null }]),
      advert,
      'accept',
    ],
    ['a protocol of others', nft('accept', [match(dport, 80), { drop: null }]), advert, 'accept'],
    [
      'an interface',
      nft('accept', [match({ meta: { key: 'iifname' } }, 'eth1'), { drop: null }]),
      web,
      'accept',
    ],
    ['a chain that is jumped to', nft('drop', [{ jump: { target: 'services' } }]), web, 'accept'],
    ['a chain without an answer', nft('drop', [{ jump: { target: 'services' } }]), advert, 'drop'],
    ['a state that a new connection does not have', nft('drop', established), web, 'drop'],
    ['a state that cannot be told', nft('drop', established), { ...web, state: undefined }, 'unsure'],
    [
      'every state of a list',
      nft('accept', [ct({ set: ['new', 'invalid'] }, '=='), { drop: null }]),
      web,
      'drop',
    ],
    ['not a state', nft('accept', [ct('new', '!='), { drop: null }]), web, 'accept'],
    [
      'a named set, which cannot be told',
      nft('accept', [match(daddr, '@blocked'), { drop: null }]),
      web,
      'unsure',
    ],
    ['a verdict map: its drop', nft('accept', [vmap(dport, [80, DROP], [443, ACCEPT])]), web, 'drop'],
    [
      'a verdict map: its jump',
      nft('drop', [vmap(iifname, ['eth0', { jump: { target: 'services' } }])]),
      web,
      'accept',
    ],
    ['a verdict map without it', nft('drop', [vmap(dport, [81, ACCEPT])]), web, 'drop'],
    [
      'a verdict map of states',
      nft('drop', [vmap({ ct: { key: 'state' } }, ['established', ACCEPT], ['invalid', DROP])]),
      web,
      'drop',
    ],
    ['a verdict map by name', nft('accept', [{ vmap: { key: dport, data: '@services' } }]), web, 'unsure'],
    [
      'a verdict map of pairs',
      nft('accept', [vmap({ concat: [daddr, dport] }, [{ concat: ['10.1.1.254', 80] }, DROP])]),
      web,
      'unsure',
    ],
    [
      'a set whose elements have time-outs',
      nft('accept', [match(dport, { set: [{ elem: { val: 80, timeout: 9 } }] }), DROP]),
      web,
      'drop',
    ],
    ['a queue', nft('accept', [match(dport, 80), { queue: { num: 3 } }]), web, 'unsure'],
    [
      'a test of iptables alone',
      nft('accept', [{ xt: { type: 'match', name: 'string' } }, DROP]),
      web,
      'unsure',
    ],
    ['a target of iptables alone', nft('accept', [{ xt: { type: 'target', name: 'X' } }]), web, 'unsure'],
    ['a counter alone', nft('accept', [{ counter: { packets: 1, bytes: 2 } }]), web, 'accept'],
    [
      'a port of TCP that UDP has not',
      nft('accept', [match(dport, 22, '!='), DROP]),
      { ...web, protocol: 'udp' },
      'accept',
    ],
    [
      'an address of IPv4 that IPv6 has not',
      nft('accept', [match(daddr, '10.1.1.1', '!='), DROP]),
      { ...web, family: 'ipv6', destination: parseAddress('2001:db8::1') },
      'accept',
    ],
    [
      'a protocol behind extensions of IPv6',
      nft('accept', [match({ payload: { protocol: 'ip6', field: 'nexthdr' } }, 'tcp'), DROP]),
      { ...web, family: 'ipv6', destination: undefined },
      'unsure',
    ],
    ['what perhaps returns before a drop', nft('accept', [MAYBE, { return: null }], [DROP]), web, 'unsure'],
    [
      'what perhaps returns before an accept',
      nft('drop', [MAYBE, { return: null }], [ACCEPT]),
      web,
      'unsure',
    ],
    [
      'a goto, behind which nothing follows',
      nft('drop', [{ goto: { target: 'none' } }], [ACCEPT]),
      web,
      'drop',
    ],
    [
      'a goto that is perhaps taken',
      nft('drop', [MAYBE, { goto: { target: 'none' } }], [ACCEPT]),
      web,
      'unsure',
    ],
    ['a jump that comes back', nft('drop', [{ jump: { target: 'none' } }], [ACCEPT]), web, 'accept'],
    ['a jump into nothing', nft('accept', [{ jump: { target: 'gone' } }]), web, 'unsure'],
    [
      'lo, where nothing comes from outside',
      nft('drop', [match(iifname, 'lo'), ACCEPT]),
      { ...web, link: undefined },
      'drop',
    ],
    ['a limit', nft('accept', [{ limit: { rate: 5 } }, { drop: null }]), web, 'unsure'],
    [
      'what certainly lets through first',
      nft('drop', [match(dport, 80), { accept: null }], established),
      web,
      'accept',
    ],
  ] as const)('%s', (_, ruleset, probe, verdict) => {
    expect(verdictOf(ruleset, probe).verdict).toBe(verdict);
  });

  it('names who drops', () => {
    expect(verdictOf(nft('drop'), web).by).toBe('the policy of nftables chain inet filter input');
  });

  it('tells the rule in the words of nft, and the command that lets through before it', () => {
    const ruleset = nft('accept', [
      match(daddr, { prefix: { addr: '10.1.0.0', len: 16 } }),
      match(dport, { set: [80, 81] }),
      DROP,
    ]);
    const { by, chain } = verdictOf(ruleset, web);
    expect(by).toBe('nftables chain inet filter input: ip daddr 10.1.0.0/16 tcp dport { 80, 81 } drop');
    expect(chain && passCommand(chain, { ...web, link: undefined })).toBe(
      'nft insert rule inet filter input ip daddr 10.1.1.254 tcp dport 80 accept',
    );
    expect(chain && passCommand(chain, advert)).toBe(
      'nft insert rule inet filter input iifname eth0 meta l4proto 112 accept',
    );
  });

  it('goes through every chain of the hook: one that drops is enough, wherever it stands', () => {
    const chain = (table: string, prio: number, policy: string) => ({
      chain: { family: 'ip', table, name: 'in', hook: 'input', prio, policy },
    });
    const verdict = (...objects: readonly object[]) =>
      verdictOf(parseNftables(JSON.stringify({ nftables: objects }), []), web).verdict;
    expect(verdict(chain('a', -10, 'accept'), chain('b', 10, 'drop'))).toBe('drop');
    expect(
      verdict(
        chain('a', -10, 'accept'),
        { ...chain('b', 10, 'drop') },
        { table: { family: 'ip', name: 'b', flags: ['dormant'] } },
      ),
    ).toBe('accept');
    expect(
      verdict({ chain: { family: 'ip6', table: 'a', name: 'in', hook: 'input', prio: 0, policy: 'drop' } }),
    ).toBe('accept');
  });

  it('cannot tell of which device an ingress chain is', () => {
    const chain = { family: 'netdev', table: 'a', name: 'in', hook: 'ingress', prio: 0, policy: 'drop' };
    const ruleset = parseNftables(JSON.stringify({ nftables: [{ chain }] }), []);
    expect(verdictOf(ruleset, { ...web, hook: 'prerouting' }).verdict).toBe('unsure');
    expect(verdictOf(ruleset, web).verdict).toBe('accept');
  });

  it('is quick with many rules and many packets', () => {
    const rule = (port: number) => ({
      rule: {
        family: 'ip',
        table: 'a',
        chain: 'c',
        expr: [match(daddr, '10.9.9.9'), match(dport, port), DROP],
      },
    });
    const objects = [
      { chain: { family: 'ip', table: 'a', name: 'c' } },
      { chain: { family: 'ip', table: 'a', name: 'in', hook: 'input', prio: 0, policy: 'accept' } },
      ...Array.from({ length: 4_000 }, (_, port) => rule(port)),
      { rule: { family: 'ip', table: 'a', chain: 'in', expr: [MAYBE, { jump: { target: 'c' } }] } },
      { rule: { family: 'ip', table: 'a', chain: 'in', expr: [{ jump: { target: 'c' } }] } },
    ];
    const ruleset = parseNftables(JSON.stringify({ nftables: objects }), []);
    const verdicts = Array.from({ length: 100 }, (_, i) =>
      verdictOf(ruleset, { ...web, destinationPort: i + 1 }),
    );
    expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['accept']));
  });

  it('leaves our own table out', () => {
    const chain = { family: 'inet', table: 'vipward', name: 'a', hook: 'input', prio: 0, policy: 'drop' };
    expect(parseNftables(JSON.stringify({ nftables: [{ chain }] }), ['vipward'])).toEqual([]);
  });
});

const SAVED = `# Generated by iptables-save v1.8.9
*nat
:PREROUTING DROP [0:0]
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:WEB - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "the way in -j DROP" -j ACCEPT
-A INPUT -p vrrp -j ACCEPT
-A INPUT -d 10.1.1.0/24 -p tcp -m multiport --dports 80,443,8000:8010 -j WEB
-A INPUT ! -s 10.0.0.0/8 -p udp -m udp --dport 53 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 7 -j NFQUEUE --queue-num 3
-A INPUT -p tcp -m tcp --dport 8 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 9 -g WEB
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A WEB -j LOG --log-prefix "web "
-A WEB -d 10.1.1.254/32 -j ACCEPT
COMMIT
`;

describe('iptables', () => {
  const saved = parseIptables(SAVED, 'iptables');
  it.each([
    [80, 'tcp', '10.1.1.254', 'accept'],
    [8005, 'tcp', '10.1.1.254', 'accept'],
    [81, 'tcp', '10.1.1.254', 'drop'],
    [80, 'tcp', '10.1.1.253', 'drop'],
    [22, 'tcp', '10.1.1.1', 'accept'],
    [53, 'udp', '10.1.1.254', 'unsure'],
    [7, 'tcp', '10.1.1.254', 'unsure'],
    [8, 'tcp', '10.1.1.253', 'accept'],
    [9, 'tcp', '10.1.1.254', 'accept'],
    [9, 'tcp', '10.1.1.253', 'drop'],
  ] as const)('port %d %s of %s: %s', (destinationPort, protocol, address, verdict) => {
    const probe = { ...web, protocol, destinationPort, destination: parseAddress(address) };
    expect(verdictOf(saved, probe).verdict).toBe(verdict);
  });

  it('lets adverts through, and replies that connection tracking knows', () => {
    expect(verdictOf(saved, advert).verdict).toBe('accept');
    const reply: Probe = { ...web, hook: 'forward' };
    expect(verdictOf(saved, { ...reply, state: 'established' }).verdict).toBe('accept');
    expect(verdictOf(saved, { ...reply, state: undefined }).verdict).toBe('unsure');
    const dropped = verdictOf(saved, { ...reply, state: 'invalid', sourcePort: 80 });
    expect(dropped.verdict).toBe('drop');
    expect(dropped.chain && passCommand(dropped.chain, { ...advert, destination: web.destination })).toBe(
      'iptables -I FORWARD -i eth0 -d 10.1.1.254 -p 112 -j ACCEPT',
    );
    expect(verdictOf(saved, { ...advert, family: 'ipv6' }).verdict).toBe('accept');
  });
});
