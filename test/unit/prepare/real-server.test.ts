import { describe, expect, it } from 'vitest';
import { type IpAddress, parseAddress } from '../../../src/model/address.ts';
import { type RealServerRole, realServerNeeds } from '../../../src/prepare/real-server.ts';
import { settingName } from '../../../src/prepare/setting.ts';

function ip(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}
const V4 = ip('10.1.1.254');
const V6 = ip('2001:db8::fe');
const tun = (outer: RealServerRole['outer'], ...vips: readonly IpAddress[]): RealServerRole => ({
  vips,
  forwarding: 'tun',
  outer,
});
const HOST = { links: ['lo', 'eth0', 'tunl0', 'ip6tnl0'], filter: '1' };
const words = (roles: readonly RealServerRole[], host = HOST) => {
  const { modules, links, addresses, settings, kept } = realServerNeeds(roles, host);
  const text = (list: typeof settings) => list.map(({ path, value }) => `${settingName(path)}=${value}`);
  return {
    modules: modules.map(({ name }) => name),
    links: links.map(({ name, anyProtocol }) => (anyProtocol ? `${name} any` : name)),
    addresses: addresses.map(({ device, prefix }) => `${prefix.address}/${prefix.length} ${device}`),
    unfiltered: text(settings).filter((setting) => setting.includes('rp_filter')),
    kept: text(kept),
  };
};

describe('the end of a tunnel', () => {
  it.each([
    ['as the VIP', V4, 'tunl0', 'ipip'],
    ['as the VIP', V6, 'ip6tnl0', 'ip6_tunnel'],
    ['ipv6', V4, 'ip6tnl0 any', 'ip6_tunnel'],
    ['ipv4', V6, 'sit0', 'sit'],
  ] as const)('%s of %s: %s', (outer, vip, link, module) => {
    const needs = words([tun(outer, vip)]);
    expect([needs.links, needs.modules]).toEqual([['lo', link], [module]]);
    expect(needs.addresses).toEqual([`${vip}/${vip === V4 ? 32 : 128} ${link.split(' ')[0]}`]);
  });

  it('is one for each family of one role', () => {
    expect(words([tun('as the VIP', V4, V6)])).toMatchObject({
      links: ['lo', 'tunl0', 'ip6tnl0'],
      addresses: [`${V4}/32 tunl0`, `${V6}/128 ip6tnl0`],
      unfiltered: ['net.ipv4.conf.tunl0.rp_filter=0', 'net.ipv4.conf.all.rp_filter=0'],
    });
  });
});

describe('the filter by reverse path', () => {
  it('is off where IPv4 comes out, for several tunnels at once, and every other link keeps it', () => {
    expect(words([tun('ipv4', V4), tun('ipv6', ip('10.1.1.253'))])).toMatchObject({
      unfiltered: ['tunl0', 'ip6tnl0', 'all'].map((link) => `net.ipv4.conf.${link}.rp_filter=0`),
      kept: ['net.ipv4.conf.eth0.rp_filter=1'],
    });
  });

  it('is let be under direct routing, where only IPv6 comes out, and where it is off', () => {
    const dr: RealServerRole = { vips: [V4], forwarding: 'dr', outer: 'as the VIP' };
    expect(words([dr])).toMatchObject({ modules: [], links: ['lo'], unfiltered: [], kept: [] });
    expect(words([tun('ipv4', V6)])).toMatchObject({ unfiltered: [], kept: [] });
    expect(words([tun('ipv4', V4)], { ...HOST, filter: '0' }).kept).toEqual([]);
  });
});
