/** Real servers that vipward has not prepared. */
import { describe, expect, it } from 'vitest';
import { endFindings, rolesByHand, type Told } from '../../../src/doctor/by-hand.ts';
import { UNKNOWN_WAYS } from '../../../src/doctor/filter/passage.ts';
import { realServerPassages } from '../../../src/doctor/filter/traffic.ts';
import { hiddenAddressFindings } from '../../../src/doctor/hidden-addresses.ts';
import type { IpAddress, MacAddress } from '../../../src/model/address.ts';

const ip = (text: string) => text as IpAddress;
const VIP = ip('10.1.1.254');
const mac = '02:00:00:00:00:01' as MacAddress;
const NAMES = ['lo', 'eth0', 'tunl0', 'dummy1', 'gre0', 'ip6tnl0'];
/** `on`: name of the link, address, prefix length. `down`: links that are. */
const sightOf = (on: readonly (readonly [string, string, number])[], down: readonly string[] = []) => ({
  links: NAMES.map((name, i) => ({
    index: i + 1,
    name,
    mac: name === 'eth0' || name === 'dummy1' ? mac : undefined,
    up: !down.includes(name),
    loopback: name === 'lo',
  })),
  addresses: on.map(([name, address, length]) => ({
    index: NAMES.indexOf(name) + 1,
    prefix: { address: ip(address), length },
  })),
});
const roles = (on: Parameters<typeof sightOf>[0], told: Partial<Told> = {}, down?: readonly string[]) =>
  rolesByHand({ vips: undefined, forwarding: undefined, ...told }, new Set(), sightOf(on, down));

describe('a VIP that was hidden by hand', () => {
  it('is found on lo, on dummy links and on the ends of tunnels, and nothing else is', () => {
    const found = roles([
      ['lo', '127.0.0.1', 8],
      ['lo', '::1', 128],
      ['lo', VIP, 32],
      ['lo', '2001:db8::254', 128],
      ['eth0', '10.1.1.2', 24],
      ['dummy1', '10.1.1.253', 32],
      ['dummy1', 'fe80::1', 64],
      ['gre0', '10.1.1.252', 32],
      ['ip6tnl0', '10.1.1.251', 32],
      ['ip6tnl0', '::a03:2', 96],
    ]);
    expect(
      found.map(({ vips, forwarding, outer, byHand }) => [...vips, forwarding, outer, byHand?.end]),
    ).toEqual([
      [VIP, 'dr', 'as the VIP', undefined],
      ['2001:db8::254', 'dr', 'as the VIP', undefined],
      ['10.1.1.253', 'dr', 'as the VIP', undefined],
      ['10.1.1.252', 'tun', 'as the VIP', 'gre0'],
      ['10.1.1.251', 'tun', 'ipv6', 'ip6tnl0'],
    ]);
  });

  it('is what the command line names, but for what vipward has taken up', () => {
    const told = { vips: [VIP, ip('10.1.1.253')], forwarding: undefined };
    const found = rolesByHand(told, new Set([VIP]), sightOf([['lo', '10.1.1.7', 32]]));
    expect(found.map(({ vips }) => vips)).toEqual([['10.1.1.253']]);
    expect(hiddenAddressFindings(found, sightOf([]))).toMatchObject([
      { severity: 'problem', mend: 'vipward realserver start --vip 10.1.1.253 --forwarding dr' },
    ]);
  });

  it('may be on lo, while a tunnel brings what is for it', () => {
    const end = (down: readonly string[]) =>
      roles([['lo', VIP, 32]], { forwarding: 'tun' }, down)[0]?.byHand?.end;
    expect(end([])).toBe('tunl0');
    expect(end(['tunl0'])).toBe('gre0');
    expect(end(['tunl0', 'gre0'])).toBe('tunl0');
  });

  it.each([
    ['lo', 'ip addr add 10.1.1.254/32 dev lo; ip addr del 10.1.1.254/24 dev lo; '],
    ['tunl0', 'ip addr add 10.1.1.254/32 dev tunl0; ip addr del 10.1.1.254/24 dev tunl0; '],
  ])('with its whole network on %s is put there alone', (name, mend) => {
    const on = [[name, VIP, 24]] as const;
    expect(hiddenAddressFindings(roles(on), sightOf(on))).toMatchObject([
      {
        severity: 'problem',
        breaks: expect.stringMatching(/reaches none of the hosts there$/),
        mend: expect.stringContaining(mend),
      },
    ]);
  });

  it('is good on lo alone, and said to be made by hand', () => {
    const on = [['lo', VIP, 32]] as const;
    expect(hiddenAddressFindings(roles(on), sightOf(on))).toMatchObject([
      { severity: 'good', what: 'hidden here, and up: 10.1.1.254 (prepared by hand, for dr)' },
    ]);
  });

  it('on a link that asks and is asked is hidden by rules of ARP alone, or not at all', () => {
    const on = [['eth0', VIP, 32]] as const;
    const found = (byRules: string | undefined) =>
      hiddenAddressFindings(roles(on, { vips: [VIP] }), sightOf(on), { owned: new Set(), byRules });
    expect(found(undefined)).toMatchObject([{ severity: 'problem' }]);
    expect(found('arptables INPUT: -d 10.1.1.254 -j DROP')).toMatchObject([
      { severity: 'warning', what: expect.stringContaining('rules hide it there: arptables INPUT') },
    ]);
  });
});

describe('the end of a tunnel that was made by hand', () => {
  const found = (
    on: Parameters<typeof sightOf>[0],
    filters: readonly [all: string, own: string],
    down: readonly string[] = [],
  ) => {
    const values = new Map([
      ['net.ipv4.conf.all.rp_filter', filters[0]],
      ['net.ipv4.conf.tunl0.rp_filter', filters[1]],
    ]);
    const tunnelled = roles(on, { forwarding: 'tun', vips: [VIP] }, down);
    return endFindings(tunnelled, sightOf(on, down), (path) => values.get(path.join('.')));
  };
  const OFF = 'sysctl -w net.ipv4.conf.tunl0.rp_filter=0 net.ipv4.conf.all.rp_filter=0; ';
  const LOOSE = 'sysctl -w net.ipv4.conf.tunl0.rp_filter=2; ';

  // The kernel goes by the greater of both; the loose filter drops what comes by a link without an address.
  it.each([
    ['tunl0', ['0', '0'], undefined],
    ['tunl0', ['0', '2'], undefined],
    ['tunl0', ['1', '2'], undefined],
    ['tunl0', ['2', '1'], undefined],
    ['tunl0', ['1', '0'], LOOSE],
    ['tunl0', ['0', '1'], LOOSE],
    ['lo', ['0', '0'], undefined],
    ['lo', ['0', '2'], OFF],
    ['lo', ['2', '0'], OFF],
    ['lo', ['1', '0'], OFF],
  ] as const)('with the VIP on %s and rp_filter (all, own) %j', (name, filters, mend) => {
    const findings = found([[name, VIP, 32]], filters);
    expect(findings).toMatchObject(
      mend === undefined ? [] : [{ severity: 'problem', mend: expect.stringContaining(mend) }],
    );
    expect(findings).toHaveLength(mend === undefined ? 0 : 1);
  });

  it('is up, and told of once where it has the VIP itself', () => {
    const down = ['tunl0', 'gre0'];
    expect(found([['lo', VIP, 32]], ['0', '0'], down)).toMatchObject([
      { severity: 'problem', mend: 'ip link set tunl0 up' },
    ]);
    expect(found([['tunl0', VIP, 32]], ['0', '0'], down)).toEqual([]);
  });

  it('is told by its packets, which the filters must let through', () => {
    const protocols = (name: string) =>
      new Set(
        roles([[name, VIP, 32]])
          .flatMap((role) => realServerPassages(role, UNKNOWN_WAYS))
          .map(({ probe }) => probe.protocol),
      );
    expect(protocols('gre0')).toEqual(new Set(['gre', 'tcp']));
    expect(protocols('tunl0')).toEqual(new Set(['ipip', 'tcp']));
  });
});
